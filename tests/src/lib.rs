//! Test support: a database for each test on a real PostgreSQL, the real binary, and a client for
//! its API. Needs no setup and leaves nothing behind.

mod api;
mod binary;
mod citus;
mod cluster;
mod confidential_values;
mod console;
mod database;
mod device;
mod directory;
mod form;
mod login_role;
mod not_on_cluster;
mod page;
pub mod payload;
mod postgres_log;
mod program;
mod proxy;
mod race;
mod response;
mod server;
mod server_process;
mod statements;
mod test_server;

pub use api::{Api, percent_encode, send};
pub use binary::{CommandOutput, binary, built_binary, built_program, run, run_at, run_executable};
pub use cluster::{Cluster, Row, Suspended};
use confidential_values::{ConfidentialValues, record_secret, record_values, register_server};
pub use console::{Browser, SAME_ORIGIN, form_urlencoded};
pub use database::TestDatabase;
pub use device::{complete_device, device, empty_value, ids};
pub use directory::Directory;
pub use form::Form;
pub use login_role::LoginRole;
pub use not_on_cluster::{NotOnCluster, report_skipped};
pub use page::{Element, Page};
use postgres_log::PostgresLog;
pub use program::Program;
pub use proxy::{AUTOCOMMIT, Proxy, ProxyMode, ServerAddress};
pub use race::race;
pub use response::{Response, assert_names};
pub use server::{Server, ServerOptions};
pub use server_process::{
    ServerProcess, create_workspace, set_up_workspace, set_up_workspace_with,
};
pub use statements::{WORKSPACE_TABLES, statement_violations};
pub use test_server::execute;

/// Deadline for everything that a test waits for. Longer than any of it takes on a busy machine.
pub const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(60);
