//! Requests that `POST /users` and `PATCH /users/{user_id}` reject.

use devices_tests::{Api, send};
use serde_json::{Value, json};

use super::{GRACE, create, emails, text_fields};

#[test]
fn invalid_user_field_is_rejected() {
    let api = Api::start();
    let held = api.add_user("acme", "held@acme.test").to_string();
    let too_long = format!("{}@{}", "x".repeat(200), "y".repeat(55));
    for (field, value, reason) in [
        ("email", Value::Null, "required"),
        ("email", json!(""), "required"),
        ("email", json!(" "), "required"),
        ("email", json!("grace"), "malformed"),
        ("email", json!("@acme.test"), "malformed"),
        ("email", json!("grace@"), "malformed"),
        ("email", json!("grace@acme@test"), "malformed"),
        ("email", json!("grace hopper@acme.test"), "malformed"),
        ("email", json!("grace@acme\u{a0}.test"), "malformed"),
        ("email", json!("mailto:grace@acme.test"), "malformed"),
        ("email", json!("Grace <grace@acme.test>"), "malformed"),
        ("email", json!("grace@acme.test,"), "malformed"),
        ("email", json!("grace@acme.test;ada@acme.test"), "malformed"),
        ("email", json!("grace(navy)@acme.test"), "malformed"),
        ("email", json!("grace@[192.0.2.1]"), "malformed"),
        ("email", json!("gra\\ce@acme.test"), "malformed"),
        ("email", json!("\"grace\"@acme.test"), "malformed"),
        ("email", json!("a@b..com"), "malformed"),
        ("email", json!("a@.b.com"), "malformed"),
        ("email", json!("a@b.com."), "malformed"),
        ("email", json!("grace@acme.test\u{0}x"), "control_character"),
        ("email", json!(too_long), "too_long"),
        ("email", json!(7), "wrong_type"),
        ("email", json!([GRACE]), "wrong_type"),
        ("role", json!("OWNER"), "not_in_enum"),
        ("role", json!("admin"), "not_in_enum"),
        ("role", json!(true), "wrong_type"),
        ("arrival_date", json!("soon"), "malformed"),
        ("arrival_date", json!("31/05/2024"), "malformed"),
        ("departure_date", json!("2023-02-29"), "malformed"),
        ("departure_date", json!(20_240_531), "wrong_type"),
        ("first_name", json!("Gra\u{0}ce"), "control_character"),
        (
            "last_name",
            json!("Hop\u{202e}per"),
            "bidirectional_override",
        ),
    ] {
        let mut body = json!({ "email": GRACE });
        body[field] = value;
        let case = body.to_string();
        for (method, path) in [
            ("POST", "/users".to_owned()),
            ("PATCH", format!("/users/{held}")),
        ] {
            let reason = match (method, reason) {
                ("PATCH", "required") => "not_nullable",
                _ => reason,
            };
            let response = api.send(method, &path, &body);
            response.assert_field_rejected(field, reason, &case);
        }
    }
    for field in text_fields() {
        for (value, reason) in [
            (json!("é".repeat(256)), "too_long"),
            (json!(7), "wrong_type"),
            (json!(false), "wrong_type"),
            (json!({}), "wrong_type"),
            (json!(["x"]), "wrong_type"),
        ] {
            let body = json!({ "email": GRACE, field: value });
            let response = api.send("POST", "/users", &body);
            response.assert_field_rejected(field, reason, &body.to_string());
        }
    }
    let response = api.send("POST", "/users", &json!({}));
    response.assert_field_rejected("email", "required", "no field");
    assert_eq!(api.database.count("users"), 1);
    assert_eq!(api.get_json("/users")["data"][0]["email"], "held@acme.test");
}

#[test]
fn unusual_email_addresses_are_accepted() {
    let api = Api::start();
    for email in [
        "grace+navy@acme.test",
        "o'hopper@acme.test",
        "grace_acme.test#EXT#@contoso.onmicrosoft.com",
        "почта@пример.рф",
        "grace@localhost",
    ] {
        let body = json!({"email": format!(" \u{feff}{email} ")});
        let response = api.send("POST", "/users", &body);
        assert_eq!(response.status, 201, "{email}: {}", response.text);
        assert_eq!(response.json()["data"]["email"], email);
    }
}

#[test]
fn user_date_of_year_one_is_absent() {
    let api = Api::start();
    let never = "0001-01-01T00:00:00Z";
    create(
        &api,
        GRACE,
        json!({"arrival_date": "2024-06-01", "departure_date": never}),
    );
    let user = &api.get_json("/users/1")["data"];
    assert_eq!(user["departure_date"], Value::Null);
    let response = api.send("PATCH", "/users/1", &json!({"arrival_date": never}));
    assert_eq!(response.status, 200, "{}", response.text);
    assert_eq!(response.json()["data"]["arrival_date"], Value::Null);
}

#[test]
fn departure_before_arrival_is_rejected() {
    let api = Api::start();
    let dates = |arrival, departure| json!({"arrival_date": arrival, "departure_date": departure});
    let mut body = dates("2024-06-01", "2024-05-31");
    body["email"] = json!(GRACE);
    let response = api.send("POST", "/users", &body);
    response.assert_field_rejected("departure_date", "ends_before_start", "create");
    create(&api, GRACE, dates("2024-06-01", "2024-06-01"));

    // A patch is validated together with the stored dates.
    let patch = |body| api.send("PATCH", "/users/1", &body);
    let response = patch(json!({"departure_date": "2024-05-31"}));
    response.assert_field_rejected("departure_date", "ends_before_start", "departure");
    let response = patch(json!({"arrival_date": "2024-06-02"}));
    response.assert_field_rejected("departure_date", "ends_before_start", "arrival");
    assert_eq!(patch(dates("2030-01-01", "2030-12-31")).status, 200);
    let arrival_only = json!({"arrival_date": "2031-01-01", "departure_date": null});
    assert_eq!(patch(arrival_only).status, 200);
}

#[test]
fn unknown_user_field_error_suggests_known_one() {
    let api = Api::start();
    create(&api, "held@acme.test", json!({}));
    for (name, suggestion) in [
        ("firstName", json!("first_name")),
        ("phone_contry", json!("phone_country")),
        ("Email", json!("email")),
        ("shoe_size", Value::Null),
        ("id", Value::Null),
    ] {
        let mut body = json!({"email": GRACE});
        body[name] = json!("42");
        for (method, path) in [("POST", "/users"), ("PATCH", "/users/1")] {
            let response = api.send(method, path, &body);
            let entry = response.assert_field_rejected(name, "unknown_field", name);
            assert_eq!(entry["did_you_mean"], suggestion, "{entry}");
        }
    }
    assert_eq!(api.get_json("/users/1")["data"]["email"], "held@acme.test");
}

#[test]
fn user_reports_all_errors_at_once() {
    let api = Api::start();
    let response = api.send(
        "POST",
        "/users",
        &json!({"shoe_size": 42, "departure_date": 1, "role": "OWNER", "email": "grace"}),
    );
    assert_eq!(response.status, 400);
    let actual: Vec<_> = response
        .reasons()
        .into_iter()
        .map(|(_, field, reason)| format!("{field} {reason}"))
        .collect();
    assert_eq!(
        actual,
        [
            "email malformed",
            "role not_in_enum",
            "departure_date wrong_type",
            "shoe_size unknown_field",
        ]
    );
    assert_eq!(response.json()["errors_total"], 4);
}

#[test]
fn malformed_user_body_is_rejected() {
    let api = Api::start();
    create(&api, GRACE, json!({}));
    for (body, reason) in [
        ("", "not_json"),
        ("  ", "not_json"),
        ("grace", "not_json"),
        ("email=grace%40acme.test", "not_json"),
        ("{\"email\":\"alan@acme.test\"", "not_json"),
        ("{\"email\":\"alan@acme.test\"}}", "not_json"),
        ("null", "wrong_type"),
        ("17", "wrong_type"),
        ("\"alan@acme.test\"", "wrong_type"),
        ("[]", "wrong_type"),
        ("[{\"email\":\"alan@acme.test\"}]", "wrong_type"),
    ] {
        for (method, path) in [("POST", "/users"), ("PATCH", "/users/1")] {
            let response = api.send_text(method, path, body);
            assert_eq!(response.status, 400, "{method} {body}: {}", response.text);
            let report = response.json();
            assert_eq!(report["errors_total"], 1, "{body}");
            let entry = &report["errors"][0];
            assert_eq!(entry["reason"], reason, "{method} {body}");
            assert_eq!(entry["code"], "INVALID_BODY", "{body}");
            assert_eq!(entry["pointer"], "", "{body}");
            assert_eq!(
                (&entry["index"], &entry["field"]),
                (&Value::Null, &Value::Null)
            );
            assert_eq!(report["error"], entry["message"]);
        }
    }
    let not_utf8 = api.send_text("POST", "/users", &b"{\"email\":\"\xff@acme.test\"}"[..]);
    assert_eq!(not_utf8.json()["errors"][0]["reason"], "not_utf8");
    for body in [
        r#"{"email":"alan@acme.test","email":"alan@acme.test"}"#,
        r#"{"email":"alan@acme.test","\u0065mail":"bob@acme.test"}"#,
    ] {
        for (method, path) in [("POST", "/users"), ("PATCH", "/users/1")] {
            let response = api.send_text(method, path, body);
            response.assert_field_rejected("email", "repeated_field", body);
        }
    }
    assert_eq!(emails(&api.get_json("/users")), [GRACE]);
}

#[test]
fn user_requires_json_content_type() {
    let api = Api::start();
    create(&api, GRACE, json!({}));
    let body = r#"{"email":"alan@acme.test"}"#;
    for (method, path) in [("POST", "/users"), ("PATCH", "/users/1")] {
        for content_type in ["", "text/plain", "application/x-www-form-urlencoded"] {
            let request = api.request(method, path).bearer_auth(&api.key);
            let response = send(request.header("Content-Type", content_type).body(body));
            let accepted = match method {
                "PATCH" => ["application/json", "application/merge-patch+json"].as_slice(),
                _ => &["application/json"],
            };
            let case = format!("{method} {content_type}");
            response.assert_media_type_rejected(accepted, &case);
        }
        let without = send(api.request(method, path).bearer_auth(&api.key).body(body));
        assert_eq!(without.status, 415, "{method}");
    }
    let request = api.request("POST", "/users").bearer_auth(&api.key);
    let request = request.header("Content-Type", "application/json; charset=utf-8");
    assert_eq!(send(request.body(body)).status, 201);
}

#[test]
fn user_patch_accepts_merge_patch() {
    let api = Api::start();
    create(&api, GRACE, json!({"position": "Admiral"}));
    let headers = [(
        "Content-Type",
        "application/merge-patch+json; charset=utf-8",
    )];
    let body = r#"{"position":null,"first_name":"Grace"}"#;
    let response = api.send_text_with("PATCH", "/users/1", &headers, body);
    assert_eq!(response.status, 200, "{}", response.text);
    assert_eq!(response.json()["data"]["first_name"], "Grace");
    assert_eq!(response.json()["data"]["position"], Value::Null);
    let body = r#"{"email":"alan@acme.test"}"#;
    let response = api.send_text_with("POST", "/users", &headers, body);
    response.assert_media_type_rejected(&["application/json"], "POST");
}

#[test]
fn lenient_handling_ignores_unknown_user_fields() {
    let api = Api::start();
    let lenient = |method: &str, path: &str, body: Value| {
        let response = api.send_with(method, path, &[("Prefer", "handling=lenient")], &body);
        assert_eq!(response.header("preference-applied"), "handling=lenient");
        response
    };
    let body = json!({"email": GRACE, "shoe_size": 42, "firstName": "Grace"});
    let created = lenient("POST", "/users", body);
    assert_eq!(created.status, 201, "{}", created.text);
    assert_eq!(created.json()["data"]["first_name"], Value::Null);
    let body = json!({"position": "Admiral", "shoe_size": 42});
    let changed = lenient("PATCH", "/users/1", body);
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(changed.json()["data"]["position"], "Admiral");
    // Known fields are still validated, and a patch of unknown fields only is empty.
    let response = lenient("POST", "/users", json!({"email": "alan", "shoe_size": 42}));
    response.assert_field_rejected("email", "malformed", "lenient");
    let response = lenient("PATCH", "/users/1", json!({"shoe_size": 42}));
    response.assert_error(400, "EMPTY_PATCH_BODY");
}

#[test]
fn email_of_active_user_is_unique_ignoring_case() {
    let api = Api::start();
    create(&api, "Grace@Acme.test", json!({}));
    create(&api, "alan@acme.test", json!({}));
    create(&api, "zoé@acme.test", json!({}));
    for (email, holder) in [
        ("Grace@Acme.test", 1),
        ("grace@acme.test", 1),
        (" GRACE@ACME.TEST ", 1),
        ("ZOÉ@acme.test", 3),
    ] {
        for (method, path) in [("POST", "/users"), ("PATCH", "/users/2")] {
            let response = api.send(method, path, &json!({ "email": email }));
            let entry = response.assert_field_rejected("email", "already_exists", email);
            assert_eq!(response.json()["error"], "USER_EMAIL_CONFLICT");
            assert_eq!(entry["code"], "USER_EMAIL_CONFLICT");
            assert_eq!(entry["existing_user_id"], holder, "{email}");
        }
    }
    assert_eq!(api.database.count("users"), 3);
    assert_eq!(api.get_json("/users/2")["data"]["email"], "alan@acme.test");
}
