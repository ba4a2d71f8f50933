//! PostgreSQL.

mod columns;
mod database;
mod devices;
mod enrollments;
mod keys;
mod migrations;
mod users;
mod workspaces;

pub use database::{ConnectError, Database, DatabaseOptions};
pub use devices::{PostgresDeviceRepositories, PostgresDevices};
pub use keys::PostgresKeys;
pub use migrations::{MigrationError, migrate, pending_migrations};
pub use users::PostgresUsers;
pub use workspaces::PostgresWorkspaces;
