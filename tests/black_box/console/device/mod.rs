//! The pages of a device, and the forms that change it.

mod archive;
mod assign;
mod create;
mod edit;
mod pages;

use devices_tests::{Api, complete_device};
use serde_json::{Value, json};

/// Texts that a form must not change: line breaks, colons, quotes and blank lines.
fn delicate_fields() -> Value {
    complete_device(json!({
        "comment": "first\n\n\tsecond: \"x\"", "tags": ["loan", "a: b"],
        "attributes": {"MAC:eth0": "aa:bb", "Room": "12"}, "has_webcam": false,
    }))
}

fn stored(api: &Api, id: i64) -> Value {
    api.get_json(&format!("/devices/{id}"))["data"].clone()
}

fn path(id: i64) -> String {
    format!("/ui/devices/{id}")
}
