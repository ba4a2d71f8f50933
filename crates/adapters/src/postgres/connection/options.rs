//! Options of a database: pool size, timeouts, and session settings.

use std::time::Duration;

/// Options of a [`Database`](super::database::Database).
#[derive(Debug, Clone)]
pub struct DatabaseOptions {
    /// Maximum number of connections, and of statements that run at the same time.
    pub pool_size: u32,
    /// Maximum wait for a free connection. After that, the caller receives an error.
    pub pool_timeout: Duration,
    /// Time after which the server cancels a statement.
    pub statement_timeout: Duration,
    /// Time after which the server cancels a statement that waits for a lock.
    pub lock_timeout: Duration,
    /// Time after which a connection plans its prepared statements again. PostgreSQL does so when
    /// it has analysed a table, which can take minutes. Until then, a plan from when a table was
    /// small may use the wrong index, and read all of a workspace.
    pub plan_lifetime: Duration,
    /// Name of the serving role. If it is `None`, it is derived from the name of the database.
    pub serving_role: Option<String>,
    /// Way in which a connection gets its session settings.
    pub session: SessionSettings,
}

/// Ways in which a connection gets its session settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionSettings {
    /// Each new connection sets them. Requires that the connection has its session to itself.
    PerConnection {
        /// Switches each connection to the serving role, which gives up all other privileges.
        serve_only: bool,
    },
    /// Settings stored with the login role. Behind a transaction pooler, settings that a connection
    /// sets are lost or reach another client. A connection is rejected if a setting is missing, or
    /// if it does not run as the serving role.
    PerRole,
    /// Sets nothing. The session keeps the defaults of its role and its database.
    Unmanaged,
}
