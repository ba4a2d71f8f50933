//! The web console, as a browser without JavaScript uses it.

mod activity;
mod audit_trail;
mod batches;
mod device;
mod devices;
mod enrollments;
mod import;
mod keys;
mod overview;
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

/// Names and values of a form.
type Values = Vec<(String, String)>;

/// Opens a page. Returns the values of its form with this action.
#[track_caller]
fn form_of(browser: &Browser, path: &str, action: &str) -> Values {
    browser.page(path).form(action)
}

/// Returns the values of a form with other values in some of its controls.
#[track_caller]
fn with(form: &Values, changes: &[(&str, &str)]) -> Values {
    let mut form = form.clone();
    for (name, value) in changes {
        let control = form.iter_mut().find(|(given, _)| given == name);
        let control = control.unwrap_or_else(|| panic!("the form has no control {name}"));
        (*value).clone_into(&mut control.1);
    }
    form
}

/// Returns a form as a browser sends it.
fn pairs(form: &Values) -> Vec<(&str, &str)> {
    let pairs = form.iter();
    pairs
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}
