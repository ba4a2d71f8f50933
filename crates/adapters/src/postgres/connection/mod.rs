//! Connections to PostgreSQL: how one is made, pooled and prepared.

pub(crate) mod connect;
pub(crate) mod database;
pub(crate) mod pool;
pub(crate) mod session;
