//! The first entry of the log, once the database accepts connections.

use crate::build;
use crate::settings::Settings;

/// Logs what starts, and where: versions, environment, configured address and main limits. Nothing
/// has been changed yet. Port 0 selects a free port, which a later line names.
pub(super) fn log(settings: &Settings, environment: &str, postgresql: &str) {
    let Settings {
        server,
        database,
        limits,
        rate_limit,
        ..
    } = settings;
    // An IPv6 address needs brackets before the port.
    let host = &server.host;
    let address = if host.contains(':') {
        format!("[{host}]:{}", server.port)
    } else {
        format!("{host}:{}", server.port)
    };
    tracing::info!(
        version = build::VERSION,
        revision = build::REVISION,
        environment,
        postgresql,
        address,
        max_connections = server.max_connections,
        pool_size = database.pool_size,
        max_requests_in_flight = limits.max_requests_in_flight,
        max_devices_per_batch = limits.max_devices_per_batch,
        body_bytes = limits.body_bytes,
        requests_per_minute = rate_limit.requests_per_minute,
        workspace_requests_per_minute = rate_limit.workspace_requests_per_minute,
        "starting"
    );
}
