//! The real binary over real HTTP, on a real PostgreSQL.

mod bad_input;
mod command_line;
mod conflicts;
mod created;
mod description;
mod enrolments;
mod keys;
mod operations;
