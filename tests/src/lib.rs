//! What tests are run on: a database of their own on a real PostgreSQL, the real binary, and a
//! client for it. Needs nothing set up, and leaves nothing behind.

mod api;
mod binary;
mod cluster;
mod confidential;
mod database;
mod devices;
mod login;
pub mod payload;
mod proxy;
mod race;
mod server;
mod service;
mod statements;

pub use api::{Answer, Api, encoded, send};
pub use binary::{Ran, binary, built_binary, run, run_at, run_executable};
pub use cluster::{Cluster, Row};
use confidential::{Confidential, keep_secret, keep_values, know_server};
pub use database::{TestDatabase, execute};
pub use devices::{complete_device, device, ids};
pub use login::Login;
pub use proxy::{Place, Proxy, Treatment};
pub use race::race;
pub use server::{Server, ServerOptions};
pub use service::{Service, prepare, prepare_with};
pub use statements::{TENANT_TABLES, complaint_about};

/// Longer than anything that a test waits for takes on a busy machine.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);
