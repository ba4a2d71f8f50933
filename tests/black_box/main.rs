//! The real binary over real HTTP, on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a test that panics fails, as it should")]

mod authentication;
mod command_line;
mod create_devices;
mod devices;
mod enrollments;
mod export;
mod openapi;
mod search;
mod server;
mod users;
mod workspace_isolation;
