//! HELP texts of the metrics, and series that exist from the start.

use crate::build;

const COUNTERS: [(&str, &str); 7] = [
    (
        "devices_http_requests_total",
        "Requests by method, route and status",
    ),
    (
        "devices_rows_refused_total",
        "Errors in rejected bodies, by code; at most 1,000 per request",
    ),
    (
        "devices_pool_timeouts_total",
        "Waits for a connection to the database that timed out, by class of work",
    ),
    (
        "devices_connections_closed_total",
        "Connections that the server closed because of their client, by listener and reason: idle, \
         head_timeout, response_stalled, evicted",
    ),
    (
        "devices_idempotent_replays_total",
        "Batches with a known idempotency key, whose stored response was sent again",
    ),
    (
        "devices_search_indexed_total",
        "Devices that this server indexed for search",
    ),
    (
        "devices_rate_limit_decisions_total",
        "Rate limit decisions: passed, limited (key), workspace_limited, address_limited (failed \
         authentications)",
    ),
];

const GAUGES: [(&str, &str); 17] = [
    (
        "devices_build_info",
        "Always 1; its labels are the version and the Git revision of this server",
    ),
    (
        "devices_database_healthy",
        "1 if the database accepts writes and its schema is not newer than this server, else 0",
    ),
    (
        "devices_requests_in_flight",
        "Requests that are being processed",
    ),
    ("devices_large_bodies", "Bodies of 64 KiB or more in memory"),
    (
        "devices_uploads",
        "Files of 64 KiB or more that are arriving",
    ),
    (
        "devices_imports",
        "Files that are being imported or validated",
    ),
    ("devices_exports", "Exports that clients are reading"),
    ("devices_waiting_requests", "Requests that wait for events"),
    (
        "devices_limit",
        "Maximum number of a limited resource, by the setting that limits it",
    ),
    (
        "devices_pool_connections",
        "Connections to the database, by state",
    ),
    (
        "devices_pool_in_use",
        "Connections to the database that are in use, by class of work",
    ),
    (
        "devices_pool_waiting",
        "Work that waits for a connection to the database, by class",
    ),
    (
        "devices_pool_reserved",
        "Connections to the database that only key look-ups may use",
    ),
    ("devices_connections", "Open connections, by listener"),
    (
        "devices_search_queue_devices",
        "Devices that wait to be indexed for search, of all workspaces",
    ),
    (
        "devices_search_queue_oldest_seconds",
        "Time for which the oldest of these devices has waited",
    ),
    (
        "devices_event_feed_lag_seconds",
        "Time for which the oldest event has waited for a reader, of the event feeds that were read \
         within the last 24 hours",
    ),
];

const HISTOGRAMS: [(&str, &str); 3] = [
    (
        "devices_http_request_duration_seconds",
        "Time from the head of a request to its response, by route",
    ),
    ("devices_batch_rows", "Devices per batch"),
    (
        "devices_pool_wait_seconds",
        "Time waited for a connection to the database, by class of work",
    ),
];

/// Sets the HELP texts.
pub(super) fn describe() {
    for (name, help) in COUNTERS {
        metrics::describe_counter!(name, help);
    }
    for (name, help) in GAUGES {
        metrics::describe_gauge!(name, help);
    }
    for (name, help) in HISTOGRAMS {
        metrics::describe_histogram!(name, help);
    }
}

/// Creates the series that are constant, and counters at 0: Prometheus computes the rate of a
/// counter only from its second value, and would miss its first event.
pub(super) fn create_series() {
    let revision = build::REVISION.unwrap_or_default();
    metrics::gauge!("devices_build_info", "version" => build::VERSION, "revision" => revision)
        .set(1.0);
    for class in ["key_lookup", "job", "query", "request"] {
        metrics::counter!("devices_pool_timeouts_total", "class" => class).absolute(0);
    }
    for listener in ["api", "metrics"] {
        for reason in ["idle", "head_timeout", "response_stalled", "evicted"] {
            metrics::counter!(
                "devices_connections_closed_total",
                "listener" => listener, "reason" => reason
            )
            .absolute(0);
        }
    }
    metrics::counter!("devices_idempotent_replays_total").absolute(0);
    metrics::counter!("devices_search_indexed_total").absolute(0);
}
