//! Running the server: probes, logs, metrics, limits, connections, startup, shutdown and database
//! faults.

mod confidentiality;
mod connections;
mod database_faults;
mod database_wait;
mod http;
mod limits;
mod monitoring;
mod newer_schema;
mod observability;
mod output;
mod postgres_log;
mod quotas;
pub(crate) mod settings;
mod settings_sources;
mod shutdown;
mod startup;
mod traces;

use devices_tests::device;
use serde_json::{Value, json};

/// Returns a batch of one device.
fn one_device() -> Value {
    json!([device(json!({}))])
}
