//! Requests that `PATCH /devices/{device_id}` rejects.

use devices_domain::fields;
use devices_tests::Api;
use serde_json::{Value, json};

use super::{assert_rejected, create_device_path, get, patch};

#[test]
fn name_and_is_rented_are_not_nullable() {
    let api = Api::start();
    let path = create_device_path(&api, json!({"is_rented": true}));
    let before = get(&api, &path);
    for field in ["name", "is_rented"] {
        for empty in [Value::Null, json!(""), json!("  ")] {
            let response = api.send("PATCH", &path, &json!({ field: empty }));
            let body = assert_rejected(&response, 400, &[(field, "not_nullable")]);
            assert_eq!(
                body["error"],
                format!("{field} must have a value: it cannot be cleared")
            );
            assert_eq!(body["errors"][0]["code"], "INVALID_FIELD");
            assert_eq!(body["errors"][0]["pointer"], format!("/{field}"));
        }
    }
    let both = json!({"name": null, "is_rented": null, "color": "red"});
    let response = api.send("PATCH", &path, &both);
    assert_rejected(
        &response,
        400,
        &[("name", "not_nullable"), ("is_rented", "not_nullable")],
    );
    assert_eq!(get(&api, &path), before);
}

#[test]
fn patch_of_immutable_field_is_rejected() {
    let api = Api::start();
    let path = create_device_path(&api, json!({"added_via": "ONBOARDING"}));
    let before = get(&api, &path);
    for field in fields().iter().filter(|field| field.is_immutable()) {
        let name = field.name();
        for value in [
            json!("MASS_IMPORT"),
            json!("x"),
            json!(null),
            json!(""),
            json!(1),
            json!([]),
            json!([before[name]]),
            json!({"value": before[name]}),
        ] {
            let response = api.send("PATCH", &path, &json!({name: value, "color": "red"}));
            let body = assert_rejected(&response, 400, &[(name, "immutable_field")]);
            assert_eq!(body["errors"][0]["code"], "INVALID_FIELD");
            // Reported together with other errors of the patch, and with conflicts.
            let response = api.send("PATCH", &path, &json!({name: value, "color": 1}));
            let expected = [(name, "immutable_field"), ("color", "wrong_type")];
            assert_rejected(&response, 400, &expected);
            let response = api.send("PATCH", &path, &json!({name: value, "user_id": 999}));
            let expected = [(name, "immutable_field"), ("user_id", "unknown_user")];
            assert_rejected(&response, 400, &expected);
        }
    }
    let all = json!({"type": "x", "category": "y", "added_via": null});
    let response = api.send("PATCH", &path, &all);
    let expected = ["type", "category", "added_via"].map(|name| (name, "immutable_field"));
    assert_rejected(&response, 400, &expected);
    // Another spelling would not be stored.
    let upper_case = |name: &str| before[name].as_str().unwrap().to_uppercase();
    let body = json!({"type": upper_case("type"), "category": upper_case("category")});
    let response = api.send("PATCH", &path, &body);
    assert_rejected(&response, 400, &expected[..2]);
    // A stored value beside an invalid field is not an error of its own.
    let body = json!({"type": before["type"], "added_via": "ONBOARDING", "color": 1});
    let response = api.send("PATCH", &path, &body);
    assert_rejected(&response, 400, &[("color", "wrong_type")]);
    // Lenient handling covers unknown fields only.
    let headers = [("Prefer", "handling=lenient")];
    let response = api.send_with("PATCH", &path, &headers, &json!({"type": "phone"}));
    assert_rejected(&response, 400, &[("type", "immutable_field")]);
    assert_eq!(get(&api, &path), before);
}

#[test]
fn patch_without_fields_is_rejected() {
    let api = Api::start();
    let path = create_device_path(&api, json!({}));
    api.send("PATCH", &path, &json!({}))
        .assert_error(400, "EMPTY_PATCH_BODY");
    // A body with ignored fields only is still empty.
    let headers = [("Prefer", "handling=lenient")];
    let response = api.send_with("PATCH", &path, &headers, &json!({"colour": "red"}));
    response.assert_error(400, "EMPTY_PATCH_BODY");
    assert_eq!(response.header("preference-applied"), "handling=lenient");
}

#[test]
fn unknown_field_error_suggests_known_field() {
    let api = Api::start();
    let path = create_device_path(&api, json!({}));
    let before = get(&api, &path);
    for (field, suggestion) in [
        ("client_warranty_end_date", json!("client_warranty_endDate")),
        ("colour", json!("color")),
        ("Name", json!("name")),
        ("mdm", Value::Null),
        ("client_status", json!("lifecycle")),
        ("id", Value::Null),
        ("updated_at", Value::Null),
        ("characteristics", Value::Null),
    ] {
        let response = api.send("PATCH", &path, &json!({field: null, "color": "red"}));
        let body = assert_rejected(&response, 400, &[(field, "unknown_field")]);
        if !suggestion.is_null() {
            assert_eq!(body["errors"][0]["did_you_mean"], suggestion, "{body}");
        }
    }
    assert_eq!(get(&api, &path), before);
}

#[test]
fn patch_reports_all_errors_at_once() {
    let api = Api::start();
    let ada = api.add_user("acme", "ada@example.com");
    let holder = api.create_device(json!({"serial_number": "TAKEN-1"}));
    let path = create_device_path(&api, json!({}));
    let before = get(&api, &path);
    let body = json!({
        "name": null, "type": "phone", "color": 1, "has_webcam": "perhaps",
        "client_purchase_price": "much", "client_purchase_date": "yesterday",
        "keyboard_layout": "DVORAK", "compliance": ["CE", 1], "colour": "red",
        "user_id": ada + 100, "serial_number": "taken-1",
    });
    let response = api.send("PATCH", &path, &body);
    assert_eq!(response.status, 400, "{}", response.text);
    let report = response.json();
    let entries = report["errors"].as_array().unwrap();
    let actual: Vec<_> = entries
        .iter()
        .map(|entry| {
            (
                entry["field"].as_str().unwrap(),
                entry["reason"].as_str().unwrap(),
            )
        })
        .collect();
    for expected in [
        ("name", "not_nullable"),
        ("type", "immutable_field"),
        ("color", "wrong_type"),
        ("client_purchase_price", "malformed"),
        ("client_purchase_date", "malformed"),
        ("keyboard_layout", "not_in_enum"),
        ("compliance", "wrong_type"),
        ("colour", "unknown_field"),
        ("user_id", "unknown_user"),
        ("serial_number", "already_exists"),
    ] {
        assert!(actual.contains(&expected), "{expected:?} in {actual:?}");
    }
    assert!(actual.iter().any(|(field, _)| *field == "has_webcam"));
    assert_eq!(actual.len(), 11, "{actual:?}");
    assert_eq!(report["errors_total"], 11);
    let entry = |name: &str| entries.iter().find(|entry| entry["field"] == name).unwrap();
    assert_eq!(entry("serial_number")["existing_device_id"], holder);
    assert_eq!(entry("serial_number")["pointer"], "/serial_number");
    assert_eq!(entry("compliance")["pointer"], "/compliance/1");
    assert_eq!(get(&api, &path), before);
}

#[test]
fn rental_error_is_reported_with_conflicts() {
    let api = Api::start();
    api.create_device(json!({"serial_number": "TAKEN-1"}));
    let path = create_device_path(&api, json!({"client_rental_startDate": "2024-03-01"}));
    let body = json!({"client_rental_endDate": "2024-02-29", "user_id": 999,
        "serial_number": "taken-1"});
    assert_rejected(
        &api.send("PATCH", &path, &body),
        400,
        &[
            ("client_rental_endDate", "ends_before_start"),
            ("user_id", "unknown_user"),
            ("serial_number", "already_exists"),
        ],
    );
}

#[test]
fn rental_error_is_reported_with_field_errors() {
    let api = Api::start();
    let path = create_device_path(&api, json!({}));
    let body = json!({"client_rental_startDate": "2024-03-02",
        "client_rental_endDate": "2024-03-01", "color": 1});
    assert_rejected(
        &api.send("PATCH", &path, &body),
        400,
        &[
            ("client_rental_endDate", "ends_before_start"),
            ("color", "wrong_type"),
        ],
    );
}

#[test]
fn stored_rental_error_joins_field_errors() {
    let api = Api::start();
    let path = create_device_path(&api, json!({"client_rental_startDate": "2024-03-01"}));
    let body = json!({"client_rental_endDate": "2024-02-29", "color": 1});
    assert_rejected(
        &api.send("PATCH", &path, &body),
        400,
        &[
            ("client_rental_endDate", "ends_before_start"),
            ("color", "wrong_type"),
        ],
    );
}

#[test]
fn rental_end_before_stored_start_is_rejected() {
    let api = Api::start();
    let fields =
        json!({"client_rental_startDate": "2024-03-01", "client_rental_endDate": "2025-03-01"});
    let path = create_device_path(&api, fields);
    let before = get(&api, &path);
    for body in [
        json!({"client_rental_endDate": "2024-02-29"}),
        json!({"client_rental_startDate": "2025-03-02"}),
        json!({"client_rental_startDate": "2026-01-02", "client_rental_endDate": "2026-01-01"}),
    ] {
        let response = api.send("PATCH", &path, &body);
        assert_rejected(
            &response,
            400,
            &[("client_rental_endDate", "ends_before_start")],
        );
    }
    assert_eq!(get(&api, &path), before);
    for body in [
        json!({"client_rental_endDate": "2024-03-01"}),
        json!({"client_rental_startDate": "2026-01-01", "client_rental_endDate": "2026-01-02"}),
        json!({"client_rental_startDate": null}),
        json!({"client_rental_endDate": "2001-01-01"}),
        json!({"client_rental_startDate": "2030-01-01", "client_rental_endDate": null}),
    ] {
        patch(&api, &path, &body);
    }
}

#[test]
fn unknown_assignee_is_404_malformed_is_400() {
    let api = Api::start();
    let ada = api.add_user("acme", "ada@example.com");
    api.create_workspace("globex");
    let foreign = api.add_user("globex", "stranger@example.com");
    let path = create_device_path(&api, json!({"user_id": ada}));
    for (body, field) in [
        (json!({"user_id": foreign}), "user_id"),
        (json!({"user_id": foreign + 100}), "user_id"),
        (json!({"user_id": i64::MAX}), "user_id"),
        (json!({"user_email": "stranger@example.com"}), "user_email"),
        (json!({"user_email": "nobody@example.com"}), "user_email"),
    ] {
        let response = api.send("PATCH", &path, &body);
        let report = assert_rejected(&response, 404, &[(field, "unknown_user")]);
        assert_eq!(report["error"], "INVALID_USER", "{body}");
        assert_eq!(report["errors"][0]["code"], "INVALID_USER", "{body}");
    }
    for (body, field) in [
        (json!({"user_id": 0}), "user_id"),
        (json!({"user_id": -1}), "user_id"),
        (json!({"user_id": "1"}), "user_id"),
        (json!({"user_id": 1.5}), "user_id"),
        (json!({"user_email": "no address"}), "user_email"),
        (json!({"user_email": 1}), "user_email"),
        (
            json!({"user_email": format!("{}@example.com", "x".repeat(255))}),
            "user_email",
        ),
    ] {
        let response = api.send("PATCH", &path, &body);
        assert_eq!(response.status, 400, "{body}: {}", response.text);
        let reasons = response.reasons();
        assert_eq!(reasons.len(), 1, "{body}: {}", response.text);
        assert_eq!(reasons[0].1, field, "{body}");
    }
    assert_eq!(get(&api, &path)["user_id"], ada);
}

#[test]
fn mismatched_user_id_and_email_are_rejected() {
    let api = Api::start();
    let ada = api.add_user("acme", "ada@example.com");
    api.add_user("acme", "bob@example.com");
    let path = create_device_path(&api, json!({}));
    let before = get(&api, &path);
    let body = json!({"user_id": ada, "user_email": "bob@example.com"});
    let response = api.send("PATCH", &path, &body);
    let report = assert_rejected(&response, 400, &[("user_email", "user_mismatch")]);
    assert_eq!(report["error"], "INVALID_USER");
    let body = json!({"user_id": ada, "user_email": "bob@example.com", "color": 1});
    let response = api.send("PATCH", &path, &body);
    assert_rejected(
        &response,
        400,
        &[("user_email", "user_mismatch"), ("color", "wrong_type")],
    );
    let body = json!({"user_id": ada + 100, "user_email": "nobody@example.com"});
    let response = api.send("PATCH", &path, &body);
    assert_rejected(
        &response,
        404,
        &[("user_id", "unknown_user"), ("user_email", "unknown_user")],
    );
    assert_eq!(get(&api, &path), before);
}

#[test]
fn patch_enforces_limits_of_new_devices() {
    let api = Api::start();
    let path = create_device_path(&api, json!({}));
    for (body, field, reason) in [
        (json!({"name": "x".repeat(256)}), "name", "too_long"),
        (
            json!({"comment": "x".repeat(10_001)}),
            "comment",
            "too_long",
        ),
        (
            json!({"compliance": vec!["a"; 51]}),
            "compliance",
            "too_many_items",
        ),
        (
            json!({"compliance": ["x".repeat(101)]}),
            "compliance",
            "too_long",
        ),
        (
            json!({"client_purchase_price": "-1"}),
            "client_purchase_price",
            "negative",
        ),
        (
            json!({"client_rental_price": "1.999"}),
            "client_rental_price",
            "too_many_decimals",
        ),
        (
            json!({"brand": "a\u{202e}b"}),
            "brand",
            "bidirectional_override",
        ),
    ] {
        let response = api.send("PATCH", &path, &body);
        assert_rejected(&response, 400, &[(field, reason)]);
    }
    patch(
        &api,
        &path,
        &json!({"name": "é".repeat(255), "comment": "🖥".repeat(10_000),
            "compliance": vec!["x".repeat(100); 50]}),
    );
}
