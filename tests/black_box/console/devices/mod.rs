//! The list of devices, and changes of many of them.

mod bulk;
mod bulk_errors;
mod columns;
mod escaping;
mod export;
mod filters;
mod list;
mod serial_numbers;

use devices_tests::{Api, Browser, Page, device};
use serde_json::{Value, json};

/// Signs in with the WRITE key.
fn browser(api: &Api) -> Browser {
    Browser::signed_in(&api.server, &api.key)
}

/// Creates devices with these names, and returns their ids.
fn create(api: &Api, names: &[&str]) -> Vec<i64> {
    api.create_devices(names.iter().map(|name| device(json!({"name": name}))))
}

/// Returns the names of the devices in a list.
fn names(page: &Page) -> Vec<String> {
    let bodies = page.all("tbody").into_iter();
    let headers = bodies.flat_map(|body| body.all("th"));
    headers.map(devices_tests::Element::text).collect()
}

/// Returns the text that states how many devices match.
fn count(page: &Page) -> String {
    page.by_id("count").expect("a list has a count").text()
}

/// Returns the form with the selection of a list, with these changes.
fn selection_form(page: &Page, changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let is_changed = |name: &str| changes.iter().any(|(changed, _)| *changed == name);
    let mut form: Vec<_> = page
        .by_id("selection")
        .expect("a list has a selection")
        .controls()
        .into_iter()
        .filter(|(name, _)| !is_changed(name))
        .collect();
    let changes = changes.iter();
    form.extend(changes.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    form
}

/// Borrows the pairs of a form.
fn pairs(form: &[(String, String)]) -> Vec<(&str, &str)> {
    let form = form.iter();
    form.map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

/// Returns the stored device with an id.
fn stored(api: &Api, id: i64) -> Value {
    api.get_json(&format!("/devices/{id}"))["data"].clone()
}
