//! Extractors: the parts of a request that handlers receive as arguments.
//!
//! The authentication middleware runs before any extractor. actix polls the extractors of a handler
//! in the order of its arguments. All but [`body::Body`], [`json_object::JsonObject`],
//! [`empty_body::EmptyBody`] and [`upload::Upload`] are ready at once. A handler takes the body
//! after the other arguments that can fail, so that it rejects an invalid path or header before the
//! body is read.

pub(crate) mod accept;
pub(crate) mod auth;
pub(crate) mod batch_options;
pub(crate) mod body;
mod body_reader;
pub(crate) mod device_batch;
pub(crate) mod empty_body;
pub(crate) mod etag;
pub(crate) mod idempotency_key;
pub(crate) mod import_head;
pub(crate) mod json;
pub(crate) mod json_object;
pub(crate) mod multipart;
pub(crate) mod optional_object;
pub(crate) mod path;
pub(crate) mod prefer;
pub(crate) mod query;
pub(crate) mod query_values;
pub(crate) mod upload;
