//! Limits on the resources that clients use.

pub(crate) mod auth_throttle;
pub(crate) mod client_network;
pub(crate) mod concurrency;
pub(crate) mod request_rate_limiter;
pub(crate) mod run_to_completion;
pub(crate) mod ttl_map;
