//! The operations of the API, one function each.

pub(crate) mod devices;
pub(crate) mod docs;
pub(crate) mod enrollments;
pub(crate) mod health;
pub(crate) mod users;
