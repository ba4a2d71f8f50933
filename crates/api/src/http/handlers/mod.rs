//! Handlers: one function per operation.

pub(crate) mod batches;
pub(crate) mod devices;
pub(crate) mod docs;
pub(crate) mod enrollments;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod keys;
pub(crate) mod users;
