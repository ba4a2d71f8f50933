//! Invalid options and rows.

use devices_tests::{Api, device};
use serde_json::json;

use super::{SKIP, SYNC, UPDATE, assert_rejected, post, post_ok, reasons};

#[test]
fn invalid_option_is_rejected_before_the_body() {
    let api = Api::start();
    for (query, name, reason) in [
        ("on_conflict=upsert", "on_conflict", "not_in_enum"),
        ("on_conflict=", "on_conflict", "required"),
        (
            "on_conflict=skip&on_conflict=skip",
            "on_conflict",
            "repeated_field",
        ),
        ("atomic=yes", "atomic", "not_in_enum"),
        ("onconflict=update", "onconflict", "unknown_field"),
        ("nulls=clear", "nulls", "no_effect"),
        (
            "match=serial_number&on_conflict=error",
            "match",
            "no_effect",
        ),
        ("match=name&on_conflict=skip", "match", "not_in_enum"),
    ] {
        for path in ["/devices", "/devices/validate", "/platform/v1/devices"] {
            let response = api.send_text("POST", &format!("{path}?{query}"), "not JSON");
            response.assert_parameter_rejected(name, reason, query);
        }
    }
}

#[test]
fn if_match_is_rejected_beside_options() {
    let api = Api::start();
    let body = json!({"devices": [device(json!({"serial_number": "S1"}))]});
    let headers = [("If-Match", "*")];
    for path in [UPDATE, SKIP, SYNC] {
        let response = api.send_with("POST", path, &headers, &body);
        assert_eq!(response.status, 400, "{path}");
        assert!(response.text.contains("If-Match"));
    }
    assert_eq!(api.database.count("devices"), 0);
}

#[test]
fn row_without_match_field_is_rejected() {
    let api = Api::start();
    for fields in [
        json!({}),
        json!({"serial_number": null}),
        json!({"serial_number": " "}),
    ] {
        for path in [UPDATE, SKIP] {
            let response = post(&api, path, &json!([device(fields.clone())]));
            assert_rejected(&response, "serial_number", "no_match_key");
        }
        let data = post_ok(&api, SYNC, &json!([device(fields)]));
        assert_eq!(reasons(&data["results"][0]), ["no_match_key"]);
    }
}

#[test]
fn invalid_row_ref_is_rejected() {
    let api = Api::start();
    api.create_device(device(json!({"serial_number": "S1"})));
    for (row_ref, reason) in [
        (json!("x".repeat(129)), "too_long"),
        (json!("a\u{7}"), "control_character"),
        (json!(17), "wrong_type"),
    ] {
        let row = device(json!({"serial_number": "S1", "row_ref": row_ref, "comment": "x"}));
        for path in [UPDATE, SKIP] {
            assert_rejected(&post(&api, path, &json!([row])), "row_ref", reason);
        }
        let new = device(json!({"row_ref": row_ref}));
        assert_rejected(&post(&api, "/devices", &json!([new])), "row_ref", reason);
    }
}

#[test]
fn rows_that_repeat_a_serial_number_are_duplicates() {
    let api = Api::start();
    api.create_device(device(json!({"serial_number": "S1"})));
    let rows = json!([
        device(json!({"serial_number": "S1"})),
        device(json!({"serial_number": "s1"})),
    ]);
    for path in [UPDATE, SKIP] {
        let response = post(&api, path, &rows);
        assert_rejected(&response, "serial_number", "duplicate");
    }
}

#[test]
fn repeated_match_field_matches_nothing() {
    let api = Api::start();
    api.create_device(device(json!({"serial_number": "S1"})));
    let body = r#"{"devices":[{"name":"a","type":"b","category":"c",
                   "serial_number":"S1","serial_number":"S2"}]}"#;
    for path in [UPDATE, SKIP] {
        let response = api.send_text("POST", path, body);
        assert_rejected(&response, "serial_number", "repeated_field");
    }
}

#[test]
fn user_of_another_workspace_is_unknown() {
    let api = Api::start();
    api.create_workspace("other");
    let foreign = api.add_user("other", "eve@example.com");
    api.create_device(device(json!({"serial_number": "S1"})));
    let response = |user: i64| {
        let rows = json!([{"serial_number": "S1", "user_id": user}]);
        let response = post(&api, UPDATE, &rows);
        assert_eq!(response.status, 404, "{}", response.text);
        response
            .text
            .replace(&format!("workspace: {user}"), "workspace: ID")
    };
    assert_eq!(response(foreign), response(987_654));
}
