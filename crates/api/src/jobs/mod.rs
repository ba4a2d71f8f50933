//! Background jobs of the server. They reach the store through closures.

pub mod check_health;
pub mod index_devices;
pub mod purge_idempotency_keys;
pub mod usage_counts;
