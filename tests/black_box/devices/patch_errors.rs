//! Requests that `PATCH /devices/{device_id}` rejects.

use devices_domain::fields;
use devices_tests::{Api, ServerOptions, send};
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
            before[name].clone(),
            json!("MASS_IMPORT"),
            json!("x"),
            json!(null),
            json!(1),
            json!([]),
        ] {
            let response = api.send("PATCH", &path, &json!({name: value, "color": "red"}));
            let body = assert_rejected(&response, 400, &[(name, "immutable_field")]);
            assert_eq!(body["errors"][0]["code"], "INVALID_FIELD");
        }
    }
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
        ("client_status", Value::Null),
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
fn malformed_patch_body_is_rejected() {
    let api = Api::start();
    let path = create_device_path(&api, json!({}));
    let before = api.call("GET", &path).text;
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    for (body, reason) in [
        (String::new(), "not_json"),
        ("color=red".to_owned(), "not_json"),
        ("{\"color\":".to_owned(), "not_json"),
        ("{\"color\":\"red\"} x".to_owned(), "not_json"),
        ("{\"color\":\"red\"}{}".to_owned(), "not_json"),
        ("{\"color\":NaN}".to_owned(), "not_json"),
        ("[]".to_owned(), "wrong_type"),
        ("[{\"color\":\"red\"}]".to_owned(), "wrong_type"),
        ("null".to_owned(), "wrong_type"),
        ("\"color\"".to_owned(), "wrong_type"),
        ("1".to_owned(), "wrong_type"),
        (deep.clone(), "wrong_type"),
        (
            "{\"color\":\"red\",\"color\":\"red\"}".to_owned(),
            "repeated_field",
        ),
        ("{\"devices\":[]}".to_owned(), "unknown_field"),
        (format!("{{\"color\":{deep}}}"), "wrong_type"),
        ("{\"color\":\"a\\u0000b\"}".to_owned(), "control_character"),
        ("{\"color\":\"\\ud800\"}".to_owned(), "ill_formed_text"),
    ] {
        let case: String = body.chars().take(60).collect();
        let response = api.send_text("PATCH", &path, body);
        assert_eq!(response.status, 400, "{case}: {}", response.text);
        let reasons: Vec<_> = response
            .reasons()
            .into_iter()
            .map(|(index, _, reason)| (index, reason))
            .collect();
        assert_eq!(reasons, [(Value::Null, reason.to_owned())], "{case}");
    }
    assert_eq!(api.call("GET", &path).text, before);
}

#[test]
fn non_utf8_patch_body_is_rejected() {
    let api = Api::start();
    let path = create_device_path(&api, json!({}));
    let response = api.send_text("PATCH", &path, b"{\"color\":\"\xff\"}".to_vec());
    assert_eq!(response.status, 400, "{}", response.text);
    let reasons = response.reasons();
    assert_eq!(reasons.len(), 1, "{}", response.text);
    assert_eq!(reasons[0].0, Value::Null);
}

#[test]
fn patch_checks_content_type_and_body_size() {
    let api = Api::start_with(&ServerOptions::with("DEVICES__LIMITS__BODY_BYTES", 10_000));
    let path = create_device_path(&api, json!({}));
    let before = api.call("GET", &path).text;
    let send_as = |content_type: Option<&str>, body: String| {
        let request = api.request("PATCH", &path).bearer_auth(&api.key);
        let request = match content_type {
            Some(content_type) => request.header("Content-Type", content_type),
            None => request,
        };
        send(request.body(body))
    };
    let body = json!({"color": "red"}).to_string();
    for content_type in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("application/json-patch+json"),
        Some("application/jsonx"),
    ] {
        let response = send_as(content_type, body.clone());
        let accepted = ["application/json", "application/merge-patch+json"];
        response.assert_media_type_rejected(&accepted, content_type.unwrap_or_default());
    }
    let json = Some("application/json");
    let long = json!({"comment": "x".repeat(10_000)}).to_string();
    send_as(json, long).assert_error(413, "PAYLOAD_TOO_LARGE");
    let long_comment = json!({"comment": "x".repeat(9_900)}).to_string();
    assert_eq!(api.call("GET", &path).text, before);
    assert_eq!(send_as(json, long_comment).status, 200);
    let with_charset = send_as(Some("application/json; charset=utf-8"), body);
    assert_eq!(with_charset.status, 200, "{}", with_charset.text);
    for (content_type, color) in [
        ("application/merge-patch+json", "blue"),
        ("Application/Merge-Patch+JSON;charset=utf-8", "green"),
    ] {
        let response = send_as(Some(content_type), json!({ "color": color }).to_string());
        assert_eq!(response.status, 200, "{content_type}: {}", response.text);
        assert_eq!(get(&api, &path)["characteristics"]["color"], color);
    }
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
