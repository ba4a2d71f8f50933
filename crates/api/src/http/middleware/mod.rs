//! Middleware: processing around the handlers.

pub(crate) mod access_log;
pub(crate) mod authentication;
pub(crate) mod keep_payload;
pub(crate) mod preference_applied;
pub(crate) mod rate_limit_headers;
pub(crate) mod reject_query;
pub(crate) mod security_headers;
