//! `ETag`, `If-None-Match` and `If-Match` of a device.

use devices_tests::{Api, race};
use serde_json::{Value, json};

use super::{create_device_path, get, report, tag};

#[test]
fn get_with_current_etag_returns_304() {
    let api = Api::start();
    let path = create_device_path(&api, json!({}));
    let old = tag(&api, &path);
    assert_eq!(tag(&api, &path), old, "it stays as long as the device does");
    let known = |tags: &str| api.ask_with("GET", &path, &[("If-None-Match", tags)]);
    let weak = format!("W/{old}");
    let listed = format!("\"other\", {old} , W/\"another\"");
    for tags in [old.as_str(), &weak, &listed, "*"] {
        let response = known(tags);
        assert_eq!(response.status, 304, "{tags}");
        assert_eq!(response.text, "", "{tags}");
        assert_eq!(response.header("etag"), old, "{tags}");
        assert!(!response.header("x-request-id").is_empty(), "{tags}");
        let head = api.ask_with("HEAD", &path, &[("If-None-Match", tags)]);
        assert_eq!(head.status, 304, "{tags}");
    }
    let two_lines = [
        ("If-None-Match", "\"other\""),
        ("If-None-Match", old.as_str()),
    ];
    assert_eq!(api.ask_with("GET", &path, &two_lines).status, 304);
    for tags in ["\"other\"", "W/\"other\"", "\"\"", "\"a\", \"b\""] {
        let response = known(tags);
        assert_eq!(response.status, 200, "{tags}");
        assert_eq!(response.header("etag"), old, "{tags}");
    }
    let patched = api.send("PATCH", &path, &json!({"color": "red"}));
    assert_ne!(patched.header("etag"), old);
    assert_eq!(known(&old).status, 200);
    assert_eq!(known(patched.header("etag")).status, 304);
}

#[test]
fn change_with_stale_etag_is_rejected() {
    let api = Api::start();
    let path = create_device_path(&api, json!({"color": "red"}));
    let change = |tags: &str, color: &str| {
        let body = json!({ "color": color });
        api.send_with("PATCH", &path, &[("If-Match", tags)], &body)
    };
    let old = tag(&api, &path);
    let other = create_device_path(&api, json!({}));
    let of_another = tag(&api, &other);
    let weak = format!("W/{old}");
    for tags in ["\"other\"", "\"\"", &weak, &of_another, "\"a\", \"b\""] {
        let response = change(tags, "blue");
        response.assert_error(412, "PRECONDITION_FAILED");
        let response = api.ask_with("DELETE", &path, &[("If-Match", tags)]);
        response.assert_error(412, "PRECONDITION_FAILED");
    }
    assert_eq!(tag(&api, &path), old);

    let response = change(&old, "blue");
    assert_eq!(response.status, 200, "{}", response.text);
    let new = response.header("etag").to_owned();
    assert_eq!(tag(&api, &path), new);
    change(&old, "green").assert_error(412, "PRECONDITION_FAILED");
    let response = change(&format!("\"other\", {old},{new}"), "green");
    assert_eq!(response.status, 200, "{}", response.text);
    assert_eq!(change("*", "white").status, 200);
    assert_eq!(get(&api, &path)["characteristics"]["color"], "white");

    let response = api.ask_with("DELETE", &path, &[("If-Match", &new)]);
    response.assert_error(412, "PRECONDITION_FAILED");
    assert_eq!(get(&api, &path)["client_status"], "AVAILABLE");
    let newest = tag(&api, &path);
    let response = api.ask_with("DELETE", &path, &[("If-Match", &newest)]);
    assert_eq!(response.status, 200, "{}", response.text);
}

#[test]
fn etag_of_another_device_is_rejected() {
    let api = Api::start();
    api.create_devices([json!({}), json!({})]);
    let of_the_first = tag(&api, "/devices/1");
    assert_ne!(tag(&api, "/devices/2"), of_the_first);
    let headers = [("If-Match", of_the_first.as_str())];
    let body = json!({"color": "red"});
    let patched = api.send_with("PATCH", "/devices/2", &headers, &body);
    patched.assert_error(412, "PRECONDITION_FAILED");
    let deleted = api.ask_with("DELETE", "/devices/2", &headers);
    deleted.assert_error(412, "PRECONDITION_FAILED");
}

#[test]
fn two_if_match_headers_form_one_list() {
    let api = Api::start();
    let path = create_device_path(&api, json!({}));
    let own = tag(&api, &path);
    let headers = [("If-Match", "\"other\""), ("If-Match", own.as_str())];
    let response = api.send_with("PATCH", &path, &headers, &json!({"color": "red"}));
    assert_eq!(response.status, 200, "{}", response.text);
}

#[test]
fn malformed_if_match_returns_400() {
    let api = Api::start();
    let path = create_device_path(&api, json!({}));
    let own = tag(&api, &path);
    let bare = own.trim_matches('"').to_owned();
    let half_open = format!("\"{bare}");
    let beside = format!("{own}, nonsense");
    let mut otherwise = Vec::new();
    for tags in [
        "nonsense",
        &bare,
        &half_open,
        &beside,
        "*, \"a\"",
        "w/\"a\"",
        "\"a\" \"b\"",
        "'a'",
    ] {
        let headers = [("If-Match", tags)];
        let body = json!({"comment": format!("Changed for {tags}")});
        let patched = api.send_with("PATCH", &path, &headers, &body);
        let is_told = patched.status == 400 && patched.text.contains("If-Match");
        if !is_told {
            otherwise.push((tags, patched.status, patched.text));
        }
    }
    assert_eq!(otherwise, []);
}

#[test]
fn malformed_if_match_changes_nothing() {
    let api = Api::start();
    let path = create_device_path(&api, json!({}));
    let own = tag(&api, &path);
    let bare = own.trim_matches('"');
    for tags in ["", ",", "nonsense", bare, "'a'", "W/*", "\"*\"", "**"] {
        let headers = [("If-Match", tags)];
        let body = json!({"color": "red"});
        let patched = api.send_with("PATCH", &path, &headers, &body);
        let deleted = api.ask_with("DELETE", &path, &headers);
        for response in [patched, deleted] {
            assert!(
                [400, 412].contains(&response.status),
                "{tags}: {response:?}"
            );
        }
    }
    assert_eq!(tag(&api, &path), own);
}

#[test]
fn malformed_if_none_match_never_returns_304() {
    let api = Api::start();
    let path = create_device_path(&api, json!({}));
    let own = tag(&api, &path);
    for tags in ["", "nonsense", own.trim_matches('"'), "\"half"] {
        let response = api.ask_with("GET", &path, &[("If-None-Match", tags)]);
        assert!(
            [200, 400].contains(&response.status),
            "{tags}: {response:?}"
        );
    }
}

#[test]
fn enrollment_changes_etag_for_reads_only() {
    let api = Api::start();
    let path = create_device_path(&api, json!({"serial_number": "SN-100"}));
    let old = tag(&api, &path);
    let before = get(&api, &path);
    assert_eq!(before["mdm"], Value::Null);
    let reported = report(&api, "sn-100", "ENROLLED");
    assert_eq!(reported.status, 201, "{}", reported.text);

    let response = api.ask_with("GET", &path, &[("If-None-Match", &old)]);
    assert_eq!(response.status, 200, "{}", response.text);
    assert_eq!(response.json()["data"]["mdm"]["status"], "ENROLLED");
    assert_ne!(response.header("etag"), old);
    let body = json!({"color": "red"});
    let response = api.send_with("PATCH", &path, &[("If-Match", &old)], &body);
    assert_eq!(response.status, 200, "{}", response.text);
    assert_eq!(response.json()["data"]["mdm"]["status"], "ENROLLED");
    let response = api.send_with("PATCH", &path, &[("If-Match", &old)], &body);
    response.assert_error(412, "PRECONDITION_FAILED");

    let old = tag(&api, &path);
    let reported = report(&api, "SN-100", "UNENROLLED");
    assert_eq!(reported.status, 200, "{}", reported.text);
    let response = api.ask_with("GET", &path, &[("If-None-Match", &old)]);
    assert_eq!(response.json()["data"]["mdm"]["status"], "UNENROLLED");
    let response = api.ask_with("DELETE", &path, &[("If-Match", &old)]);
    assert_eq!(response.status, 200, "{}", response.text);
    assert_eq!(response.json()["data"]["mdm"], Value::Null);
}

#[test]
fn assignee_name_changes_etag_for_reads_only() {
    let api = Api::start();
    let ada = api.add_user("acme", "ada@example.com");
    let path = create_device_path(&api, json!({"user_id": ada}));
    let old = tag(&api, &path);
    let rename = json!({"first_name": "Ada", "last_name": "Lovelace-King"});
    let renamed = api.send("PATCH", &format!("/users/{ada}"), &rename);
    assert_eq!(renamed.status, 200, "{}", renamed.text);
    let response = api.ask_with("GET", &path, &[("If-None-Match", &old)]);
    assert_eq!(response.status, 200, "{}", response.text);
    assert_eq!(response.json()["data"]["user"]["first_name"], "Ada");
    let body = json!({"color": "red"});
    let response = api.send_with("PATCH", &path, &[("If-Match", &old)], &body);
    assert_eq!(response.status, 200, "{}", response.text);
}

#[test]
fn concurrent_patches_of_one_etag_apply_once() {
    let api = Api::start();
    let path = create_device_path(&api, json!({}));
    for round in 0..10 {
        let seen = tag(&api, &path);
        let mut responses = race(2, |racer| {
            let who = ["one", "other"][racer];
            let body = json!({"comment": format!("Round {round} of {who}")});
            let response = api.send_with("PATCH", &path, &[("If-Match", &seen)], &body);
            (response.status, body["comment"].clone())
        });
        responses.sort_by_key(|(status, _)| *status);
        let statuses: Vec<_> = responses.iter().map(|(status, _)| *status).collect();
        assert_eq!(statuses, [200, 412]);
        assert_eq!(get(&api, &path)["comment"], responses[0].1);
    }
}
