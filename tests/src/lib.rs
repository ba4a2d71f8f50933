//! What tests are run on: a database of their own on a real PostgreSQL, the real binary, and a
//! client for it. Needs nothing set up, and leaves nothing behind.

mod api;
mod binary;
mod database;
mod server;

pub use api::{Answer, Api, device, send};
pub use binary::{Ran, binary, run};
pub use database::{TestDatabase, execute};
pub use server::{Server, ServerOptions};
