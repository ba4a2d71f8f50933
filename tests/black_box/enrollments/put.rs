//! `PUT /mdm/enrollments/{serial_number}`.

use devices_domain::{Field, Format, enrollment_fields};
use devices_tests::{Api, race, send};
use serde_json::{Value, json};

use super::{device_mdm, empty_mdm, enrollment_path, send_put, to_mdm};

/// Returns the request body of an enrolment with every field.
fn complete_enrollment() -> Value {
    let members = enrollment_fields()
        .iter()
        .enumerate()
        .map(|(index, field)| {
            let value = match (field.name(), field.format()) {
                ("status", _) => json!("ENROLLED"),
                ("screenlock_enabled" | "unenrollment_date", _) => Value::Null,
                ("lock_date", _) => json!("2026-01-02T03:04:05+02:00"),
                ("last_sync_date", _) => json!("2026-01-02T03:04:05-00:00"),
                ("download_date", _) => json!("2025-12-31T00:00:00.5Z"),
                (_, Format::Instant) => json!("2025-12-31T23:59:59Z"),
                (_, Format::Boolean) => json!(index.is_multiple_of(2)),
                (_, Format::Text { .. }) => json!("Graces-Mac"),
                (name, format) => panic!("{name}: {format:?}"),
            };
            (field.name().to_owned(), value)
        });
    Value::Object(members.collect())
}

#[test]
fn put_creates_then_replaces_enrollment() {
    let api = Api::start();
    let complete = complete_enrollment();
    let mut expected = complete.clone();
    let changed = json!({
        "id": 1, "serial_number": "Sn-4711", "device_id": null, "lock_date": "2026-01-02T01:04:05Z",
        "last_sync_date": "2026-01-02T03:04:05Z", "download_date": "2025-12-31T00:00:00.500Z",
    });
    let changed = changed.as_object().unwrap().clone();
    expected.as_object_mut().unwrap().extend(changed);
    let created = send_put(&api, "Sn-4711", &complete);
    assert_eq!(created.status, 201, "{}", created.text);
    assert_eq!(created.json(), json!({ "data": expected }));
    assert_eq!(api.get_json("/mdm/enrollments")["data"], json!([expected]));

    let again = send_put(&api, "Sn-4711", &complete);
    assert_eq!((again.status, again.json()), (200, created.json()));

    // PUT clears absent fields, and compares serial numbers ignoring case.
    let replaced = api.send(
        "PUT",
        "/platform/v1/mdm/enrollments/SN-4711",
        &json!({"status": "PENDING", "local_name": ""}),
    );
    assert_eq!(replaced.status, 200, "{}", replaced.text);
    let replaced = replaced.json()["data"].clone();
    let mut expected = empty_mdm(1);
    expected["status"] = json!("PENDING");
    assert_eq!(to_mdm(&replaced), expected);
    assert_eq!(
        replaced.as_object().unwrap().len(),
        expected.as_object().unwrap().len() + 2
    );
    assert_eq!(api.get_json("/mdm/enrollments")["data"], json!([replaced]));
}

#[test]
fn path_accepts_every_serial_number() {
    let api = Api::start();
    for (encoded, serial_number) in [
        ("AB%2F12", "AB/12"),
        ("ab%2f13", "ab/13"),
        ("A%23B", "A#B"),
        ("A%2BB", "A+B"),
        ("A+C", "A+C"),
        ("A%20B", "A B"),
        ("%20A%20C%20", "A C"),
        ("A:B", "A:B"),
        ("A%3AC", "A:C"),
        ("A_B.C-D", "A_B.C-D"),
        ("%41%42", "AB"),
        ("%2FAB%2F", "/AB/"),
        ("a%2Fb%2Fc%23d%2Be%20f", "a/b/c#d+e f"),
        ("A%25B", "A%B"),
        ("A%252FB", "A%2FB"),
        ("A%3FB", "A?B"),
        ("A%20%20D", "A  D"),
        ("A;B", "A;B"),
        ("A%5CB", "A\\B"),
        ("$$T02XB1K9", "$$T02XB1K9"),
        ("6067E77%20(03.01)", "6067E77 (03.01)"),
    ] {
        let path = format!("/mdm/enrollments/{encoded}");
        let response = api.send("PUT", &path, &json!({"status": "ENROLLED"}));
        assert_eq!(response.status, 201, "{encoded}: {}", response.text);
        let enrollment = response.json()["data"].clone();
        assert_eq!(enrollment["serial_number"], serial_number, "{encoded}");
        let id = api.create_device(json!({"serial_number": serial_number}));
        assert_eq!(device_mdm(&api, id), to_mdm(&enrollment), "{encoded}");
        let deleted = api.call("DELETE", &path);
        assert_eq!(deleted.status, 200, "{encoded}: {}", deleted.text);
        assert_eq!(deleted.json()["data"]["device_id"], id);
    }
    let longest = "x1".repeat(32);
    assert_eq!(
        send_put(&api, &longest, &json!({"status": "DRAFT"})).status,
        201
    );
}

#[test]
fn invalid_serial_number_in_path_is_rejected() {
    let api = Api::start();
    let too_long = "a1".repeat(32) + "a";
    for (encoded, reason) in [
        ("None", "placeholder"),
        ("unknown", "placeholder"),
        ("n%2Fa", "placeholder"),
        ("0000", "placeholder"),
        ("xxx", "placeholder"),
        ("To%20be%20filled%20by%20O.E.M.", "placeholder"),
        ("Default%20string", "placeholder"),
        ("-1", "placeholder"),
        ("%23N%2FA", "placeholder"),
        ("123456789", "placeholder"),
        ("1.5E%2B11", "spreadsheet_number"),
        ("S%C3%A9rie", "malformed"),
        ("A%E2%80%8BB", "malformed"),
        ("%3A%23", "malformed"),
        ("A%00B", "control_character"),
        ("A%0AB", "control_character"),
        (&too_long, "too_long"),
    ] {
        let path = format!("/mdm/enrollments/{encoded}");
        let response = api.send("PUT", &path, &json!({"status": "ENROLLED"}));
        assert_eq!(response.status, 400, "{encoded}: {}", response.text);
        let body = response.json();
        assert_eq!(body["errors_total"], 1, "{encoded}");
        let entry = &body["errors"][0];
        assert_eq!(body["error"], "INVALID_SERIAL_NUMBER", "{encoded}: {body}");
        assert_eq!(entry["code"], "INVALID_SERIAL_NUMBER", "{encoded}: {body}");
        assert_eq!(entry["reason"], reason, "{encoded}: {body}");
        assert_eq!(entry["field"], "serial_number", "{encoded}");
        assert_eq!(entry["pointer"], "", "{encoded}");
        assert_eq!(entry["index"], Value::Null, "{encoded}");
    }
    // Blank text and bytes that are not UTF-8. The reason depends on the case.
    for encoded in ["%20", "%ff", "A%ffB", "%C3", "%E3%80%80"] {
        let path = format!("/mdm/enrollments/{encoded}");
        let response = api.send("PUT", &path, &json!({"status": "ENROLLED"}));
        assert_eq!(response.status, 400, "{encoded}: {}", response.text);
        assert_eq!(
            response.json()["error"],
            "INVALID_SERIAL_NUMBER",
            "{encoded}"
        );
    }
    assert_eq!(api.database.count("devices_mdm"), 0);
}

#[test]
fn invalid_enrollment_field_is_rejected() {
    let api = Api::start();
    let assert_rejected = |body: &Value, field: &str, reason: &str| {
        let response = send_put(&api, "SN-4711", body);
        response.assert_field_rejected(field, reason, &body.to_string())
    };
    for body in [json!({}), json!({"status": null}), json!({"status": ""})] {
        assert_rejected(&body, "status", "required");
    }
    for status in ["enrolled", "ACTIVE", "IN_SERVICE"] {
        assert_rejected(&json!({ "status": status }), "status", "not_in_enum");
    }
    assert_rejected(&json!({"status": true}), "status", "wrong_type");
    let with = |field: &str, value: Value| json!({"status": "ENROLLED", field: value});
    let names = |format: Format| {
        let fields = enrollment_fields().iter();
        fields
            .filter(move |field| field.format() == format)
            .map(Field::name)
    };
    for field in names(Format::Instant) {
        for invalid in [
            "2026-01-02T03:04:05",
            "2026-01-02",
            "soon",
            "2026-02-30T00:00:00Z",
            "1767322800",
        ] {
            assert_rejected(&with(field, json!(invalid)), field, "malformed");
        }
        assert_rejected(&with(field, json!(1_767_322_800)), field, "wrong_type");
    }
    for field in names(Format::Boolean) {
        for invalid in [json!("true"), json!(1), json!([]), json!({})] {
            assert_rejected(&with(field, invalid), field, "wrong_type");
        }
    }
    assert_rejected(
        &with("local_name", json!("é".repeat(256))),
        "local_name",
        "too_long",
    );
    assert_rejected(
        &with("local_name", json!("a\u{0}b")),
        "local_name",
        "control_character",
    );
    assert_rejected(&with("local_name", json!(7)), "local_name", "wrong_type");
    for name in ["id", "device_id", "serial_number", "battery"] {
        assert_rejected(&with(name, json!("17")), name, "unknown_field");
    }
    let entry = assert_rejected(
        &with("os_update_enabled", json!(true)),
        "os_update_enabled",
        "unknown_field",
    );
    assert_eq!(entry["did_you_mean"], "os_updates_enabled");
    let entry = assert_rejected(&with("isLocked", json!(true)), "isLocked", "unknown_field");
    assert_eq!(entry["did_you_mean"], "is_locked");

    let response = send_put(&api, "SN-4711", &json!({"is_locked": 1, "lock_date": 1}));
    assert_eq!(response.json()["errors_total"], 3, "{}", response.text);
    assert_eq!(api.database.count("devices_mdm"), 0);
    let longest = with("local_name", json!("é".repeat(255)));
    assert_eq!(send_put(&api, "SN-4711", &longest).status, 201);
}

#[test]
fn instant_is_accepted_in_every_notation() {
    let api = Api::start();
    for (sent, stored) in [
        (
            "2021-03-29T12:44:12.595+0000",
            json!("2021-03-29T12:44:12.595Z"),
        ),
        ("2021-03-29T12:44:12+00:00", json!("2021-03-29T12:44:12Z")),
        ("2021-03-29T12:44:12+00", json!("2021-03-29T12:44:12Z")),
        ("2021-03-29t12:44:12,5z", json!("2021-03-29T12:44:12.500Z")),
        ("2021-03-29 14:44+0200", json!("2021-03-29T12:44:00Z")),
        ("2021-03-29 12:44:12 +0000", json!("2021-03-29T12:44:12Z")),
        ("0001-01-01T00:00:00Z", Value::Null),
        ("0001-01-01T00:00:00+01:00", Value::Null),
    ] {
        let body = json!({"status": "ENROLLED", "last_seen_date": sent});
        let response = send_put(&api, "SN-4711", &body);
        assert!(response.status < 300, "{sent}: {}", response.text);
        assert_eq!(response.json()["data"]["last_seen_date"], stored, "{sent}");
    }
}

#[test]
fn malformed_enrollment_body_is_rejected() {
    let api = Api::start();
    let put_text = |content_type: &'static str, body: &'static str| {
        let path = enrollment_path("SN-4711");
        let request = api.request("PUT", &path).bearer_auth(&api.key);
        send(request.header("Content-Type", content_type).body(body))
    };
    for (body, reason) in [
        ("", "not_json"),
        ("ENROLLED", "not_json"),
        ("{\"status\":\"ENROLLED\"", "not_json"),
        ("null", "wrong_type"),
        ("[]", "wrong_type"),
        ("\"ENROLLED\"", "wrong_type"),
        (
            "{\"status\":\"ENROLLED\",\"status\":\"ENROLLED\"}",
            "repeated_field",
        ),
    ] {
        let response = put_text("application/json", body);
        assert_eq!(response.status, 400, "{body}: {}", response.text);
        assert_eq!(response.json()["errors"][0]["reason"], reason, "{body}");
    }
    let response = put_text("text/plain", "{\"status\":\"ENROLLED\"}");
    response.assert_media_type_rejected(&["application/json"], "PUT");
    let merge_patch = "application/merge-patch+json";
    let response = put_text(merge_patch, "{\"status\":\"ENROLLED\"}");
    response.assert_media_type_rejected(&["application/json"], merge_patch);
    assert_eq!(api.database.count("devices_mdm"), 0);

    let lenient = api.send_with(
        "PUT",
        &enrollment_path("SN-4711"),
        &[("Prefer", "handling=lenient")],
        &json!({"status": "ENROLLED", "battery": 80}),
    );
    assert_eq!(lenient.status, 201, "{}", lenient.text);
    assert_eq!(lenient.header("preference-applied"), "handling=lenient");
}

#[test]
fn concurrent_puts_create_one_enrollment() {
    let api = Api::start();
    let statuses = race(6, |_| {
        send_put(&api, "SN-4711", &json!({"status": "ENROLLED"})).status
    });
    let created = statuses.iter().filter(|status| **status == 201).count();
    let replaced = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!((created, replaced), (1, 5), "{statuses:?}");
    assert_eq!(api.database.count("devices_mdm"), 1);
}
