//! Steps around every request.

pub(crate) mod access_log;
pub(crate) mod drain_body;
