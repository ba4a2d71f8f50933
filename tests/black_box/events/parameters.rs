//! Query parameters that are rejected.

use devices_tests::Api;
use serde_json::json;

use super::{after, end_of_feed};

#[test]
fn invalid_limits_are_rejected() {
    let api = Api::start();
    for value in ["0", "1001", "-1", "", "ten", "1.0"] {
        let response = api.call("GET", &format!("/events?limit={value}"));
        response.assert_parameters_rejected(&["limit"], value);
    }
    for value in ["1", "1000"] {
        api.page(&format!("/events?limit={value}"));
    }
}

#[test]
fn unknown_type_is_rejected_with_the_list() {
    let api = Api::start();
    for value in ["device.deleted", "device", "DEVICE.CREATED", "device.*", ""] {
        let response = api.call("GET", &format!("/events?type={value}"));
        let body = response.assert_parameters_rejected(&["type"], value);
        if !value.is_empty() {
            let message = body["error"].as_str().unwrap();
            assert!(
                message.contains("device.created, ") && message.contains("batch.undone"),
                "{message}"
            );
        }
    }
}

#[test]
fn changed_cursor_is_rejected() {
    let api = Api::start();
    api.create_device(json!({}));
    let end = end_of_feed(&api);
    let last = end.len() - 1;
    let other_digit = if end.ends_with('0') { "1" } else { "0" };
    let invalid = [
        String::new(),
        "0".to_owned(),
        "latest".to_owned(),
        end.replace(|c: char| c.is_ascii_digit(), "7"),
        format!("{}{other_digit}", &end[..last]),
        end[..last].to_owned(),
        format!("{end}0"),
        end.to_uppercase(),
        "%C3%A9".repeat(24),
    ];
    for cursor in invalid {
        let response = api.call("GET", &after(&cursor));
        response.assert_parameters_rejected(&["after"], &cursor);
    }
    api.page(&after(&end));
}

#[test]
fn all_errors_are_reported_at_once() {
    let api = Api::start();
    let path = "/events?limit=0&type=x&after=y&wait=30";
    let response = api.call("GET", path);
    response.assert_parameters_rejected(&["limit", "type", "after", "wait"], path);
}

#[test]
fn other_methods_are_rejected() {
    let api = Api::start();
    let response = api.call("POST", "/events");
    response.assert_error(405, "METHOD_NOT_ALLOWED");
    assert_eq!(response.header("allow"), "GET, HEAD");
    assert_eq!(api.call("HEAD", "/events").status, 200);
}
