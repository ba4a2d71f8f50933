//! What `PATCH /devices/{device_id}` refuses.

use devices_tests::{Api, ServerOptions, send};
use serde_json::{Value, json};

use super::{assert_refused, get, new_path, patch};

#[test]
fn a_name_and_whether_it_is_rented_cannot_be_cleared() {
    let api = Api::start();
    let path = new_path(&api, json!({"is_rented": true}));
    let before = get(&api, &path);
    for field in ["name", "is_rented"] {
        for nothing in [Value::Null, json!(""), json!("  ")] {
            let answer = api.send("PATCH", &path, &json!({ field: nothing }));
            let body = assert_refused(&answer, 400, &[(field, "not_nullable")]);
            assert_eq!(
                body["error"],
                format!("{field} must have a value: it cannot be cleared")
            );
            assert_eq!(body["errors"][0]["code"], "INVALID_FIELD");
            assert_eq!(body["errors"][0]["pointer"], format!("/{field}"));
        }
    }
    let both = json!({"name": null, "is_rented": null, "color": "red"});
    let answer = api.send("PATCH", &path, &both);
    assert_refused(
        &answer,
        400,
        &[("name", "not_nullable"), ("is_rented", "not_nullable")],
    );
    assert_eq!(get(&api, &path), before);
}

#[test]
fn what_is_immutable_is_named_whatever_its_value() {
    let api = Api::start();
    let path = new_path(&api, json!({"added_via": "ONBOARDING"}));
    let before = get(&api, &path);
    for (field, values) in [
        (
            "type",
            [json!("phone"), json!("laptop"), json!(null), json!(1)],
        ),
        (
            "category",
            [json!("phones"), json!("computers"), json!(null), json!([])],
        ),
        (
            "added_via",
            [
                json!("MASS_IMPORT"),
                json!("ONBOARDING"),
                json!(null),
                json!("x"),
            ],
        ),
    ] {
        for value in values {
            let answer = api.send("PATCH", &path, &json!({field: value, "color": "red"}));
            let body = assert_refused(&answer, 400, &[(field, "immutable_field")]);
            assert_eq!(body["errors"][0]["code"], "INVALID_FIELD");
        }
    }
    // Whoever is lenient with what is unknown does not mean these.
    let headers = [("Prefer", "handling=lenient")];
    let answer = api.send_with("PATCH", &path, &headers, &json!({"type": "phone"}));
    assert_refused(&answer, 400, &[("type", "immutable_field")]);
    assert_eq!(get(&api, &path), before);
}

#[test]
fn a_patch_without_a_field_is_empty() {
    let api = Api::start();
    let path = new_path(&api, json!({}));
    api.send("PATCH", &path, &json!({}))
        .assert_error(400, "EMPTY_PATCH_BODY");
    // What is ignored is no field.
    let headers = [("Prefer", "handling=lenient")];
    let answer = api.send_with("PATCH", &path, &headers, &json!({"colour": "red"}));
    answer.assert_error(400, "EMPTY_PATCH_BODY");
    assert_eq!(answer.header("preference-applied"), "handling=lenient");
}

#[test]
fn an_unknown_field_is_named_with_the_one_that_was_meant() {
    let api = Api::start();
    let path = new_path(&api, json!({}));
    let before = get(&api, &path);
    for (field, meant) in [
        ("client_warranty_end_date", json!("client_warranty_endDate")),
        ("colour", json!("color")),
        ("Name", json!("name")),
        ("mdm", Value::Null),
        ("client_status", Value::Null),
        ("id", Value::Null),
        ("updated_at", Value::Null),
        ("characteristics", Value::Null),
    ] {
        let answer = api.send("PATCH", &path, &json!({field: null, "color": "red"}));
        let body = assert_refused(&answer, 400, &[(field, "unknown_field")]);
        if !meant.is_null() {
            assert_eq!(body["errors"][0]["did_you_mean"], meant, "{body}");
        }
    }
    assert_eq!(get(&api, &path), before);
}

#[test]
fn every_problem_of_a_patch_is_told_at_once() {
    let api = Api::start();
    let ada = api.add_user("acme", "ada@example.com");
    let holder = api.create_device(json!({"serial_number": "TAKEN-1"}));
    let path = new_path(&api, json!({}));
    let before = get(&api, &path);
    let body = json!({
        "name": null, "type": "phone", "color": 1, "has_webcam": "perhaps",
        "client_purchase_price": "much", "client_purchase_date": "yesterday",
        "keyboard_layout": "DVORAK", "compliance": ["CE", 1], "colour": "red",
        "user_id": ada + 100, "serial_number": "taken-1",
    });
    let answer = api.send("PATCH", &path, &body);
    assert_eq!(answer.status, 400, "{}", answer.text);
    let refusal = answer.json();
    let entries = refusal["errors"].as_array().unwrap();
    let told: Vec<_> = entries
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
        assert!(told.contains(&expected), "{expected:?} in {told:?}");
    }
    assert!(told.iter().any(|(field, _)| *field == "has_webcam"));
    assert_eq!(told.len(), 11, "{told:?}");
    assert_eq!(refusal["errors_total"], 11);
    let of = |name: &str| entries.iter().find(|entry| entry["field"] == name).unwrap();
    assert_eq!(of("serial_number")["existing_device_id"], holder);
    assert_eq!(of("serial_number")["pointer"], "/serial_number");
    assert_eq!(of("compliance")["pointer"], "/compliance/1");
    assert_eq!(get(&api, &path), before);
}

#[test]
fn a_rental_that_would_end_before_its_start_is_told_beside_what_is_unknown_or_taken() {
    let api = Api::start();
    api.create_device(json!({"serial_number": "TAKEN-1"}));
    let path = new_path(&api, json!({"client_rental_startDate": "2024-03-01"}));
    let body = json!({"client_rental_endDate": "2024-02-29", "user_id": 999,
        "serial_number": "taken-1"});
    assert_refused(
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
fn a_rental_that_would_end_before_the_start_in_the_same_patch_is_told_beside_its_shape() {
    let api = Api::start();
    let path = new_path(&api, json!({}));
    let body = json!({"client_rental_startDate": "2024-03-02",
        "client_rental_endDate": "2024-03-01", "color": 1});
    assert_refused(
        &api.send("PATCH", &path, &body),
        400,
        &[
            ("client_rental_endDate", "ends_before_start"),
            ("color", "wrong_type"),
        ],
    );
}

#[test]
fn a_rental_that_would_end_before_the_stored_start_is_told_beside_the_shape_of_the_patch() {
    let api = Api::start();
    let path = new_path(&api, json!({"client_rental_startDate": "2024-03-01"}));
    let body = json!({"client_rental_endDate": "2024-02-29", "color": 1});
    assert_refused(
        &api.send("PATCH", &path, &body),
        400,
        &[
            ("client_rental_endDate", "ends_before_start"),
            ("color", "wrong_type"),
        ],
    );
}

#[test]
fn a_rental_does_not_end_before_the_start_that_is_stored() {
    let api = Api::start();
    let fields =
        json!({"client_rental_startDate": "2024-03-01", "client_rental_endDate": "2025-03-01"});
    let path = new_path(&api, fields);
    let before = get(&api, &path);
    for body in [
        json!({"client_rental_endDate": "2024-02-29"}),
        json!({"client_rental_startDate": "2025-03-02"}),
        json!({"client_rental_startDate": "2026-01-02", "client_rental_endDate": "2026-01-01"}),
    ] {
        let answer = api.send("PATCH", &path, &body);
        assert_refused(
            &answer,
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
fn only_an_unknown_user_is_404_and_beside_others_400() {
    let api = Api::start();
    let ada = api.add_user("acme", "ada@example.com");
    api.create_workspace("globex");
    let stranger = api.add_user("globex", "stranger@example.com");
    let path = new_path(&api, json!({"user_id": ada}));
    for (body, field) in [
        (json!({"user_id": stranger}), "user_id"),
        (json!({"user_id": stranger + 100}), "user_id"),
        (json!({"user_id": i64::MAX}), "user_id"),
        (json!({"user_email": "stranger@example.com"}), "user_email"),
        (json!({"user_email": "nobody@example.com"}), "user_email"),
    ] {
        let answer = api.send("PATCH", &path, &body);
        let refusal = assert_refused(&answer, 404, &[(field, "unknown_user")]);
        assert_eq!(refusal["error"], "INVALID_USER", "{body}");
        assert_eq!(refusal["errors"][0]["code"], "INVALID_USER", "{body}");
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
        let answer = api.send("PATCH", &path, &body);
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
        let reasons = answer.reasons();
        assert_eq!(reasons.len(), 1, "{body}: {}", answer.text);
        assert_eq!(reasons[0].1, field, "{body}");
    }
    assert_eq!(get(&api, &path)["user_id"], ada);
}

#[test]
fn a_number_and_an_address_of_two_users_are_a_mismatch() {
    let api = Api::start();
    let ada = api.add_user("acme", "ada@example.com");
    api.add_user("acme", "bob@example.com");
    let path = new_path(&api, json!({}));
    let before = get(&api, &path);
    let body = json!({"user_id": ada, "user_email": "bob@example.com"});
    let answer = api.send("PATCH", &path, &body);
    let refusal = assert_refused(&answer, 400, &[("user_email", "user_mismatch")]);
    assert_eq!(refusal["error"], "INVALID_USER");
    let body = json!({"user_id": ada, "user_email": "bob@example.com", "color": 1});
    let answer = api.send("PATCH", &path, &body);
    assert_refused(
        &answer,
        400,
        &[("user_email", "user_mismatch"), ("color", "wrong_type")],
    );
    let body = json!({"user_id": ada + 100, "user_email": "nobody@example.com"});
    let answer = api.send("PATCH", &path, &body);
    assert_refused(
        &answer,
        404,
        &[("user_id", "unknown_user"), ("user_email", "unknown_user")],
    );
    assert_eq!(get(&api, &path), before);
}

#[test]
fn a_body_that_is_no_object_of_fields_is_refused() {
    let api = Api::start();
    let path = new_path(&api, json!({}));
    let before = api.ask("GET", &path).text;
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
        let answer = api.send_text("PATCH", &path, body);
        assert_eq!(answer.status, 400, "{case}: {}", answer.text);
        let reasons: Vec<_> = answer
            .reasons()
            .into_iter()
            .map(|(index, _, reason)| (index, reason))
            .collect();
        assert_eq!(reasons, [(Value::Null, reason.to_owned())], "{case}");
    }
    assert_eq!(api.ask("GET", &path).text, before);
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let api = Api::start();
    let path = new_path(&api, json!({}));
    let answer = api.send_text("PATCH", &path, b"{\"color\":\"\xff\"}".to_vec());
    assert_eq!(answer.status, 400, "{}", answer.text);
    let reasons = answer.reasons();
    assert_eq!(reasons.len(), 1, "{}", answer.text);
    assert_eq!(reasons[0].0, Value::Null);
}

#[test]
fn a_patch_is_json_by_its_content_type_and_no_longer_than_a_body_may_be() {
    let api = Api::start_with(&ServerOptions::with("DEVICES__LIMITS__BODY_BYTES", 10_000));
    let path = new_path(&api, json!({}));
    let before = api.ask("GET", &path).text;
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
        Some("application/merge-patch+json"),
        Some("application/jsonx"),
    ] {
        let answer = send_as(content_type, body.clone());
        answer.assert_error(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    let json = Some("application/json");
    let long = json!({"comment": "x".repeat(10_000)}).to_string();
    send_as(json, long).assert_error(413, "PAYLOAD_TOO_LARGE");
    let long_comment = json!({"comment": "x".repeat(9_900)}).to_string();
    assert_eq!(api.ask("GET", &path).text, before);
    assert_eq!(send_as(json, long_comment).status, 200);
    let with_charset = send_as(Some("application/json; charset=utf-8"), body);
    assert_eq!(with_charset.status, 200, "{}", with_charset.text);
}

#[test]
fn texts_and_lists_have_the_limits_that_they_have_in_a_new_device() {
    let api = Api::start();
    let path = new_path(&api, json!({}));
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
        let answer = api.send("PATCH", &path, &body);
        assert_refused(&answer, 400, &[(field, reason)]);
    }
    patch(
        &api,
        &path,
        &json!({"name": "é".repeat(255), "comment": "🖥".repeat(10_000),
            "compliance": vec!["x".repeat(100); 50]}),
    );
}
