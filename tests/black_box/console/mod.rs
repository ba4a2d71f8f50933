//! The web console, as a browser without JavaScript uses it.

mod activity;
mod audit_trail;
mod batches;
mod device;
mod devices;
mod enrollments;
mod form;
mod html;
mod import;
mod keys;
mod overview;
mod same_origin;
mod sign_in;
mod users;

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
