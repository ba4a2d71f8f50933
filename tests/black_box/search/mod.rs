//! `GET /devices?search=`: full text over devices and their assignees.

mod freshness;
mod matching;
mod pagination;
mod query_syntax;

use std::time::{Duration, Instant};

use devices_tests::{Api, encoded, ids};
use serde_json::json;

/// The numbers of the devices that are found, the most relevant first.
fn found(api: &Api, search: &str) -> Vec<i64> {
    found_with(api, search, "")
}

/// With more parameters.
fn found_with(api: &Api, search: &str, more: &str) -> Vec<i64> {
    let list = api.list(&format!("/devices?search={}{more}", encoded(search)));
    let found = ids(&list["data"]);
    assert_eq!(list["meta"]["total"], found.len(), "{search}");
    found
}

/// Asserts that a device is found, once, by each of these.
fn assert_found(api: &Api, id: i64, searches: &[&str]) {
    for search in searches {
        assert_eq!(found(api, search), [id], "{search:?}");
    }
}

/// Asserts that nothing is found by any of these.
fn assert_nothing(api: &Api, searches: &[&str]) {
    for search in searches {
        assert_eq!(found(api, search), [0; 0], "{search:?}");
    }
}

/// Waits until the devices that were created are indexed.
fn wait_until_indexed(api: &Api) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while api.database.count("device_search_queue") > 0 {
        assert!(Instant::now() < deadline, "devices wait to be indexed");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Runs the assertions on new devices, and again once they are indexed.
fn now_and_later(api: &Api, assertions: impl Fn()) {
    assertions();
    wait_until_indexed(api);
    assertions();
}

/// A user with a first and a last name; its number.
fn add_user(api: &Api, email: &str, first_name: &str, last_name: &str) -> i64 {
    let body = json!({"email": email, "first_name": first_name, "last_name": last_name});
    let answer = api.send("POST", "/users", &body);
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()["data"]["id"].as_i64().unwrap()
}
