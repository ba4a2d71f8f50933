//! `GET /devices`: pages, filters, and rejected parameters.

mod filters;
mod pages;
mod parameters;
mod totals;

use devices_tests::Api;
use serde_json::{Value, json};

/// Creates devices in this order, in one batch each. Returns their ids.
fn create_named<'a>(api: &Api, names: impl IntoIterator<Item = &'a str>) -> Vec<i64> {
    names
        .into_iter()
        .map(|name| api.create_device(json!({ "name": name })))
        .collect()
}

/// Creates devices named `device 1` and so on in one batch. Returns their ids.
fn create_many(api: &Api, count: usize) -> Vec<i64> {
    api.create_devices((1..=count).map(|number| json!({"name": format!("device {number}")})))
}

/// Returns the names of the devices in a list.
fn names(list: &Value) -> Vec<String> {
    let devices = list["data"].as_array().unwrap();
    devices
        .iter()
        .map(|device| device["name"].as_str().unwrap().to_owned())
        .collect()
}
