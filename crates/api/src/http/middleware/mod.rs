//! Middleware: processing around the handlers.

pub(crate) mod access_log;
pub(crate) mod authentication;
pub(crate) mod drain_body;
pub(crate) mod preference_applied;
pub(crate) mod rate_limit_headers;
