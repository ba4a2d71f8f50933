//! `ETag`, `If-None-Match` and `If-Match` of a device.

use devices_tests::{Api, race};
use serde_json::{Value, json};

use super::{create_device_path, get, get_etag, put_enrollment};

#[test]
fn get_with_current_etag_returns_304() {
    let api = Api::start();
    let path = create_device_path(&api, json!({}));
    let current = get_etag(&api, &path);
    assert_eq!(
        get_etag(&api, &path),
        current,
        "the ETag changed without a change"
    );
    let get_if_none_match = |etags: &str| api.call_with("GET", &path, &[("If-None-Match", etags)]);
    let weak = format!("W/{current}");
    let list = format!("\"other\", {current} , W/\"another\"");
    for etags in [current.as_str(), &weak, &list, "*"] {
        let response = get_if_none_match(etags);
        assert_eq!(response.status, 304, "{etags}");
        assert_eq!(response.text, "", "{etags}");
        assert_eq!(response.header("etag"), current, "{etags}");
        assert!(!response.header("x-request-id").is_empty(), "{etags}");
        let head = api.call_with("HEAD", &path, &[("If-None-Match", etags)]);
        assert_eq!(head.status, 304, "{etags}");
    }
    let two_headers = [
        ("If-None-Match", "\"other\""),
        ("If-None-Match", current.as_str()),
    ];
    assert_eq!(api.call_with("GET", &path, &two_headers).status, 304);
    for etags in ["\"other\"", "W/\"other\"", "\"\"", "\"a\", \"b\""] {
        let response = get_if_none_match(etags);
        assert_eq!(response.status, 200, "{etags}");
        assert_eq!(response.header("etag"), current, "{etags}");
    }
    let patched = api.send("PATCH", &path, &json!({"color": "red"}));
    assert_ne!(patched.header("etag"), current);
    assert_eq!(get_if_none_match(&current).status, 200);
    assert_eq!(get_if_none_match(patched.header("etag")).status, 304);
}

#[test]
fn change_with_stale_etag_is_rejected() {
    let api = Api::start();
    let path = create_device_path(&api, json!({"color": "red"}));
    let change = |etags: &str, color: &str| {
        let body = json!({ "color": color });
        api.send_with("PATCH", &path, &[("If-Match", etags)], &body)
    };
    let old = get_etag(&api, &path);
    let other = create_device_path(&api, json!({}));
    let other_etag = get_etag(&api, &other);
    let weak_other = format!("W/{other_etag}");
    for etags in [
        "\"other\"",
        "W/\"other\"",
        "\"\"",
        &other_etag,
        &weak_other,
        "\"a\", \"b\"",
    ] {
        let response = change(etags, "blue");
        response.assert_error(412, "PRECONDITION_FAILED");
        let response = api.call_with("DELETE", &path, &[("If-Match", etags)]);
        response.assert_error(412, "PRECONDITION_FAILED");
    }
    assert_eq!(get_etag(&api, &path), old);

    let response = change(&old, "blue");
    assert_eq!(response.status, 200, "{}", response.text);
    let new = response.header("etag").to_owned();
    assert_eq!(get_etag(&api, &path), new);
    change(&old, "green").assert_error(412, "PRECONDITION_FAILED");
    let response = change(&format!("\"other\", {old},{new}"), "green");
    assert_eq!(response.status, 200, "{}", response.text);
    assert_eq!(change("*", "white").status, 200);
    assert_eq!(get(&api, &path)["characteristics"]["color"], "white");

    let response = api.call_with("DELETE", &path, &[("If-Match", &new)]);
    response.assert_error(412, "PRECONDITION_FAILED");
    assert_eq!(get(&api, &path)["client_status"], "AVAILABLE");
    let newest = get_etag(&api, &path);
    let response = api.call_with("DELETE", &path, &[("If-Match", &newest)]);
    assert_eq!(response.status, 200, "{}", response.text);
}

#[test]
fn weak_etag_of_compressing_proxy_is_accepted() {
    let api = Api::start();
    let path = create_device_path(&api, json!({}));
    let weak = || format!("W/{}", get_etag(&api, &path));
    let change = |etags: &str, color: &str| {
        let body = json!({ "color": color });
        api.send_with("PATCH", &path, &[("If-Match", etags)], &body)
    };
    let old = weak();
    assert_eq!(change(&old, "red").status, 200);
    change(&old, "blue").assert_error(412, "PRECONDITION_FAILED");
    let response = api.call_with("DELETE", &path, &[("If-Match", &old)]);
    response.assert_error(412, "PRECONDITION_FAILED");
    assert_eq!(
        change(&format!("\"other\", {}", weak()), "blue").status,
        200
    );
    assert_eq!(change(&format!("{old},{}", weak()), "green").status, 200);
    assert_eq!(get(&api, &path)["characteristics"]["color"], "green");
    let malformed = change(&format!("w/{}", get_etag(&api, &path)), "red");
    assert_eq!(malformed.status, 400, "{}", malformed.text);
    let response = api.call_with("DELETE", &path, &[("If-Match", &weak())]);
    assert_eq!(response.status, 200, "{}", response.text);
}

#[test]
fn etag_of_another_device_is_rejected() {
    let api = Api::start();
    api.create_devices([json!({}), json!({})]);
    let first_etag = get_etag(&api, "/devices/1");
    assert_ne!(get_etag(&api, "/devices/2"), first_etag);
    let headers = [("If-Match", first_etag.as_str())];
    let body = json!({"color": "red"});
    let patched = api.send_with("PATCH", "/devices/2", &headers, &body);
    patched.assert_error(412, "PRECONDITION_FAILED");
    let deleted = api.call_with("DELETE", "/devices/2", &headers);
    deleted.assert_error(412, "PRECONDITION_FAILED");
}

#[test]
fn two_if_match_headers_form_one_list() {
    let api = Api::start();
    let path = create_device_path(&api, json!({}));
    let etag = get_etag(&api, &path);
    let headers = [("If-Match", "\"other\""), ("If-Match", etag.as_str())];
    let response = api.send_with("PATCH", &path, &headers, &json!({"color": "red"}));
    assert_eq!(response.status, 200, "{}", response.text);
}

#[test]
fn malformed_if_match_returns_400() {
    let api = Api::start();
    let path = create_device_path(&api, json!({}));
    let etag = get_etag(&api, &path);
    let bare = etag.trim_matches('"').to_owned();
    let half_open = format!("\"{bare}");
    let with_garbage = format!("{etag}, nonsense");
    let mut unexpected = Vec::new();
    for etags in [
        "nonsense",
        &bare,
        &half_open,
        &with_garbage,
        "*, \"a\"",
        "w/\"a\"",
        "\"a\" \"b\"",
        "'a'",
    ] {
        let headers = [("If-Match", etags)];
        let body = json!({"comment": format!("Changed for {etags}")});
        let patched = api.send_with("PATCH", &path, &headers, &body);
        let is_rejected = patched.status == 400 && patched.text.contains("If-Match");
        if !is_rejected {
            unexpected.push((etags, patched.status, patched.text));
        }
    }
    assert_eq!(unexpected, []);
}

#[test]
fn malformed_if_match_changes_nothing() {
    let api = Api::start();
    let path = create_device_path(&api, json!({}));
    let etag = get_etag(&api, &path);
    let bare = etag.trim_matches('"');
    for etags in ["", ",", "nonsense", bare, "'a'", "W/*", "\"*\"", "**"] {
        let headers = [("If-Match", etags)];
        let body = json!({"color": "red"});
        let patched = api.send_with("PATCH", &path, &headers, &body);
        let deleted = api.call_with("DELETE", &path, &headers);
        for response in [patched, deleted] {
            assert!(
                [400, 412].contains(&response.status),
                "{etags}: {response:?}"
            );
        }
    }
    assert_eq!(get_etag(&api, &path), etag);
}

#[test]
fn malformed_if_none_match_never_returns_304() {
    let api = Api::start();
    let path = create_device_path(&api, json!({}));
    let etag = get_etag(&api, &path);
    for etags in ["", "nonsense", etag.trim_matches('"'), "\"half"] {
        let response = api.call_with("GET", &path, &[("If-None-Match", etags)]);
        assert!(
            [200, 400].contains(&response.status),
            "{etags}: {response:?}"
        );
    }
}

#[test]
fn enrollment_changes_etag_for_reads_only() {
    let api = Api::start();
    let path = create_device_path(&api, json!({"serial_number": "SN-100"}));
    let old = get_etag(&api, &path);
    let before = get(&api, &path);
    assert_eq!(before["mdm"], Value::Null);
    let reported = put_enrollment(&api, "sn-100", "ENROLLED");
    assert_eq!(reported.status, 201, "{}", reported.text);

    let response = api.call_with("GET", &path, &[("If-None-Match", &old)]);
    assert_eq!(response.status, 200, "{}", response.text);
    assert_eq!(response.json()["data"]["mdm"]["status"], "ENROLLED");
    assert_ne!(response.header("etag"), old);
    let body = json!({"color": "red"});
    let response = api.send_with("PATCH", &path, &[("If-Match", &old)], &body);
    assert_eq!(response.status, 200, "{}", response.text);
    assert_eq!(response.json()["data"]["mdm"]["status"], "ENROLLED");
    let response = api.send_with("PATCH", &path, &[("If-Match", &old)], &body);
    response.assert_error(412, "PRECONDITION_FAILED");

    let old = get_etag(&api, &path);
    let reported = put_enrollment(&api, "SN-100", "UNENROLLED");
    assert_eq!(reported.status, 200, "{}", reported.text);
    let response = api.call_with("GET", &path, &[("If-None-Match", &old)]);
    assert_eq!(response.json()["data"]["mdm"]["status"], "UNENROLLED");
    let response = api.call_with("DELETE", &path, &[("If-Match", &old)]);
    assert_eq!(response.status, 200, "{}", response.text);
    assert_eq!(response.json()["data"]["mdm"], Value::Null);
}

#[test]
fn assignee_name_changes_etag_for_reads_only() {
    let api = Api::start();
    let ada = api.add_user("acme", "ada@example.com");
    let path = create_device_path(&api, json!({"user_id": ada}));
    let old = get_etag(&api, &path);
    let rename = json!({"first_name": "Ada", "last_name": "Lovelace-King"});
    let renamed = api.send("PATCH", &format!("/users/{ada}"), &rename);
    assert_eq!(renamed.status, 200, "{}", renamed.text);
    let response = api.call_with("GET", &path, &[("If-None-Match", &old)]);
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
        let etag = get_etag(&api, &path);
        let mut responses = race(2, |racer| {
            let name = ["one", "other"][racer];
            let body = json!({"comment": format!("Round {round} of {name}")});
            let response = api.send_with("PATCH", &path, &[("If-Match", &etag)], &body);
            (response.status, body["comment"].clone())
        });
        responses.sort_by_key(|(status, _)| *status);
        let statuses: Vec<_> = responses.iter().map(|(status, _)| *status).collect();
        assert_eq!(statuses, [200, 412]);
        assert_eq!(get(&api, &path)["comment"], responses[0].1);
    }
}
