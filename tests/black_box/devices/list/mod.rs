//! `GET /devices`: its pages, its filters, and what is no question.

mod filters;
mod pages;
mod parameters;

use devices_tests::Api;
use serde_json::{Value, json};

/// Creates devices of these names, one batch each, so that their order is theirs.
fn create_named<'a>(api: &Api, names: impl IntoIterator<Item = &'a str>) -> Vec<i64> {
    names
        .into_iter()
        .map(|name| api.create_device(json!({ "name": name })))
        .collect()
}

/// Creates so many devices in one batch, named `device 1` and so on; their ids.
fn create_many(api: &Api, count: usize) -> Vec<i64> {
    api.create_devices((1..=count).map(|number| json!({"name": format!("device {number}")})))
}

/// The names of a list's devices.
fn names(list: &Value) -> Vec<String> {
    let devices = list["data"].as_array().unwrap();
    devices
        .iter()
        .map(|device| device["name"].as_str().unwrap().to_owned())
        .collect()
}
