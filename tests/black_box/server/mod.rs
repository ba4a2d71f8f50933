//! What an operator relies on: probes, log lines, settings, stopping.

mod database_faults;
mod http;
mod limits;
mod observability;
mod shutdown;
mod startup;

use devices_tests::device;
use serde_json::{Value, json};

fn one() -> Value {
    json!([device(json!({}))])
}
