//! Implements the ports of `devices-domain` on PostgreSQL, with Diesel.
//!
//! - `connection`: establishes and pools connections.
//! - `transaction`: runs and commits transactions.
//! - `schema`: migrations, the serving role, and checks at startup.
//! - `query`: parts of SQL statements.
//! - All other modules implement one port each.

mod audit_events;
mod audit_trail;
mod batches;
mod connection;
mod devices;
mod enrollments;
mod erasure;
mod event_feed;
mod idempotency_keys;
mod keys;
mod query;
mod rate_limits;
mod retention;
mod schema;
mod sessions;
mod statistics;
mod store;
mod transaction;
mod usage_counts;
mod users;
mod workspace_deletion;
mod workspaces;

pub use audit_events::PostgresEvents;
pub use connection::connect::ConnectError;
pub use connection::database::Database;
pub use connection::encryption::{ConnectionSecurity, connection_security};
pub use connection::options::{DatabaseOptions, SessionSettings};
pub use connection::session::missing_settings_sql;
pub use devices::PostgresSearchIndex;
pub use erasure::{
    ErasableUser, EraseError, ErasedTraces, Mentions, PostgresErasure, UserSelector, VACUUM,
};
pub use event_feed::PostgresFeedMonitor;
pub use idempotency_keys::purge_idempotency_keys;
pub use keys::PostgresKeys;
pub use rate_limits::PostgresRateLimiter;
pub use retention::{PostgresRetention, Purge, PurgeCursor, Purgeable, PurgedBatch};
pub use schema::migrations::{
    MigrationError, SchemaLock, lock_schema, migrate, migrate_from, pending_migrations,
};
pub use schema::server_log::log_privacy_sql;
pub use schema::serving_role::grants::grant_serving_role;
pub use schema::serving_role::login::{LoginRoleChange, LoginRoleError, set_login_role};
pub use schema::serving_role::{RolePrivileges, role_privileges};
pub use schema::startup_checks::{UnsuitableDatabase, non_durable_settings, server_version};
pub use sessions::PostgresSessions;
pub use store::PostgresStore;
pub use usage_counts::{merge_usage_changes, recount_usage};
pub use workspace_deletion::{Exportable, ExportedPage, PostgresWorkspaceDeletion};
pub use workspaces::PostgresWorkspaces;
