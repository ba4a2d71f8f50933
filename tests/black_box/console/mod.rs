//! The web console, as a browser without JavaScript uses it.

mod device;
mod devices;
mod import;
mod sign_in;

use devices_tests::{Api, Browser};
use serde_json::Value;

/// Starts a server with a workspace, and signs in with its WRITE key.
fn open() -> (Api, Browser) {
    let api = Api::start();
    let browser = Browser::signed_in(&api.server, &api.key);
    (api, browser)
}

/// Changes a device, as somebody else does.
#[track_caller]
fn change(api: &Api, id: i64, patch: &Value) {
    let response = api.send("PATCH", &format!("/devices/{id}"), patch);
    assert_eq!(response.status, 200, "{}", response.text);
}
