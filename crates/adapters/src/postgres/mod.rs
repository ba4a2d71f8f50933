//! PostgreSQL.

mod columns;
mod connect;
mod database;
mod devices;
mod enrollments;
mod keys;
mod migrations;
mod users;
mod workspaces;

pub use connect::ConnectError;
pub use database::{Database, DatabaseOptions};
pub use devices::{PostgresDeviceRepositories, PostgresDevices};
pub use keys::PostgresKeys;
pub use migrations::{MigrationError, migrate, pending_migrations};
pub use users::PostgresUsers;
pub use workspaces::PostgresWorkspaces;
