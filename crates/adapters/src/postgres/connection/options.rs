//! Options of a database: pool size, timeouts, and who manages the session settings.

use std::time::Duration;

/// Options of a [`Database`](super::database::Database).
#[derive(Debug, Clone)]
pub struct DatabaseOptions {
    /// Maximum number of connections, and of statements that run at the same time.
    pub pool_size: u32,
    /// How long a caller waits for a free connection before it receives an error.
    pub pool_timeout: Duration,
    /// Time after which the server cancels a statement.
    pub statement_timeout: Duration,
    /// Time after which the server cancels a statement that waits for a lock.
    pub lock_timeout: Duration,
    /// Who applies the settings of a session.
    pub session: SessionSettings,
}

/// Who applies the settings of a connection's session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionSettings {
    /// The connection sets them when it is established. Requires that it has its session to itself.
    PerConnection {
        /// Whether the connection switches to
        /// [`SERVING_ROLE`](crate::postgres::SERVING_ROLE), and so gives up all other privileges.
        serve_only: bool,
    },
    /// They are stored with the login role. Behind a transaction pooler, settings made by a
    /// connection are lost or reach another client. A connection is rejected if a setting is
    /// missing, or if it does not run as [`SERVING_ROLE`](crate::postgres::SERVING_ROLE).
    PerRole,
    /// Nobody. The session keeps the server's defaults.
    Unmanaged,
}
