//! PostgreSQL.

mod attempts;
mod column;
mod connect;
mod database;
mod devices;
mod durability;
mod enrollments;
mod events;
mod gathering;
mod keys;
mod migrations;
mod pages;
mod pool;
mod rate_limits;
mod role;
mod search_terms;
mod session;
mod statement;
mod transactions;
mod users;
mod workspaces;

pub use attempts::forget_outcomes;
pub use connect::ConnectError;
pub use database::{Database, DatabaseOptions};
pub use devices::{PostgresDeviceRepositories, PostgresDevices, index_waiting_devices};
pub use durability::unsafe_settings;
pub use enrollments::{PostgresEnrollmentRepositories, PostgresEnrollments};
pub use events::PostgresEvents;
pub use keys::PostgresKeys;
pub use migrations::{MigrationError, migrate, pending_migrations};
pub use rate_limits::PostgresRateLimiter;
pub use role::{Rights, SERVING_ROLE, rights};
pub use session::{Session, session_remedy};
pub use users::{PostgresUserRepositories, PostgresUsers};
pub use workspaces::PostgresWorkspaces;
