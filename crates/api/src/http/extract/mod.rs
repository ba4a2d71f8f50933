//! Reads the parts of a request: key, body, query, headers.

pub(crate) mod auth;
pub(crate) mod body;
pub(crate) mod device_batch;
pub(crate) mod etag;
pub(crate) mod idempotency_key;
pub(crate) mod json;
pub(crate) mod prefer;
pub(crate) mod query;
