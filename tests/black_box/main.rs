//! Black-box tests: the real binary over HTTP, on a real PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

mod authentication;
mod batches;
mod command_line;
mod console;
mod create_devices;
mod devices;
mod enrollments;
mod erasure;
mod events;
mod export;
mod import;
mod import_examples;
mod keys;
mod openapi;
mod openapi_batches;
mod openapi_fields;
mod operations;
mod program;
mod query_parameters;
mod relay;
mod search;
mod server;
mod setup;
mod sync_examples;
mod upsert;
mod users;
mod workspace_isolation;
