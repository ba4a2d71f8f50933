//! Connections to PostgreSQL: how they are established, configured and pooled.

pub(crate) mod connect;
pub(crate) mod database;
pub(crate) mod encryption;
pub(crate) mod error;
pub(crate) mod fair_semaphore;
mod health;
pub(crate) mod options;
pub(crate) mod pool;
mod redact;
pub(crate) mod session;
mod shared_probe;
pub(crate) mod trace;
pub(crate) mod usage;
