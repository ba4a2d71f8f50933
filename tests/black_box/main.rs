//! The real binary over real HTTP, on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a test that panics fails, as it should")]

mod bad_input;
mod command_line;
mod conflicts;
mod created;
mod description;
mod devices;
mod enrollments;
mod export;
mod faults;
mod idempotency;
mod keys;
mod limits;
mod operations;
mod search;
mod tenancy;
mod traces;
mod users;
