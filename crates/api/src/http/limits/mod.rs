//! Limits on what clients may use at once.

pub(crate) mod auth_throttle;
pub(crate) mod concurrency;
pub(crate) mod key_rate_limit;
pub(crate) mod run_to_completion;
pub(crate) mod ttl_map;
