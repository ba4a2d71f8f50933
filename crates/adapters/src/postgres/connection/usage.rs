//! Metrics of the connections in use.

use crate::postgres::connection::database::Database;

impl Database {
    /// Sets the gauges of the pool: its connections by state, those in use and the waits for one by
    /// class of work, and those that are reserved for key look-ups.
    pub fn record_usage(&self) {
        let state = self.pool.state();
        let idle = state.idle_connections;
        let in_use = state.connections.saturating_sub(idle);
        for (state, count) in [("idle", idle), ("in_use", in_use)] {
            metrics::gauge!("devices_pool_connections", "state" => state).set(count);
        }
        let usage = self.permits.usage();
        for (class, class_usage) in usage.classes {
            metrics::gauge!("devices_pool_in_use", "class" => class).set(class_usage.in_use as f64);
            metrics::gauge!("devices_pool_waiting", "class" => class)
                .set(class_usage.waiting as f64);
        }
        metrics::gauge!("devices_pool_reserved").set(usage.reserved as f64);
        metrics::gauge!("devices_limit", "setting" => "pool_size").set(usage.total as f64);
    }
}
