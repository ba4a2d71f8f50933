//! Background jobs of the server. They reach the store through ports and closures.

pub mod check_health;
pub mod index_devices;
pub mod measure_backlog;
pub mod measure_feed_lag;
pub mod poll_events;
pub mod purge_console_sessions;
pub mod purge_idempotency_keys;
pub mod usage_counts;
