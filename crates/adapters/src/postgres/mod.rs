//! PostgreSQL.

mod attempts;
mod columns;
mod conflicts;
mod connect;
mod database;
mod devices;
mod durability;
mod enrollments;
mod events;
mod keys;
mod migrations;
mod rate_limits;
mod role;
mod users;
mod workspaces;

pub use attempts::forget_outcomes;
pub use connect::ConnectError;
pub use database::{Database, DatabaseOptions};
pub use devices::{PostgresDeviceRepositories, PostgresDevices};
pub use durability::unsafe_settings;
pub use events::PostgresEvents;
pub use keys::PostgresKeys;
pub use migrations::{MigrationError, migrate, pending_migrations};
pub use rate_limits::PostgresRateLimiter;
pub use role::{Rights, SERVING_ROLE, rights};
pub use users::PostgresUsers;
pub use workspaces::PostgresWorkspaces;
