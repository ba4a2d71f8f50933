//! `GET /devices?search=`: full-text search over devices and their assignees.

mod freshness;
mod matching;
mod pagination;
mod query_syntax;
mod scripts;

use std::time::{Duration, Instant};

use devices_tests::{Api, ids, percent_encode};
use serde_json::json;

/// Returns the ids of the matching devices, the most relevant first.
fn search(api: &Api, text: &str) -> Vec<i64> {
    search_with(api, text, "")
}

/// Searches with more query parameters.
fn search_with(api: &Api, text: &str, parameters: &str) -> Vec<i64> {
    let path = format!("/devices?search={}{parameters}", percent_encode(text));
    let list = api.get_json(&path);
    let found = ids(&list["data"]);
    assert_eq!(list["meta"]["total"], found.len(), "{text}");
    found
}

/// Asserts that each of these texts finds exactly this device.
fn assert_found(api: &Api, id: i64, texts: &[&str]) {
    for text in texts {
        assert_eq!(search(api, text), [id], "{text:?}");
    }
}

/// Asserts that none of these texts finds a device.
fn assert_none_found(api: &Api, texts: &[&str]) {
    for text in texts {
        assert_eq!(search(api, text), [0; 0], "{text:?}");
    }
}

/// Waits until the indexing queue is empty.
fn wait_until_indexed(api: &Api) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while api.database.count("search_queue") > 0 {
        assert!(
            Instant::now() < deadline,
            "devices are still queued for indexing"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Runs the assertions on devices that may not be indexed yet, and again after indexing.
pub(crate) fn before_and_after_indexing(api: &Api, assertions: impl Fn()) {
    assertions();
    wait_until_indexed(api);
    assertions();
}

/// Creates a user. Returns its id.
fn add_user(api: &Api, email: &str, first_name: &str, last_name: &str) -> i64 {
    let body = json!({"email": email, "first_name": first_name, "last_name": last_name});
    let response = api.send("POST", "/users", &body);
    assert_eq!(response.status, 201, "{}", response.text);
    response.json()["data"]["id"].as_i64().unwrap()
}
