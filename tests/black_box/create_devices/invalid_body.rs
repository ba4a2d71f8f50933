//! Bodies that are rejected for their syntax, their structure, or the number of devices.

use devices_tests::{Api, ServerOptions, device};
use serde_json::{Value, json};

use super::{
    api_with_one_device, api_with_one_device_and_options, assert_body_rejected, assert_rejected,
};

#[test]
fn malformed_json_is_rejected() {
    let api = api_with_one_device();
    let complete = json!({"devices": [device(json!({}))]}).to_string();
    for body in [
        String::new(),
        "devices".to_owned(),
        "{\"devices\":[".to_owned(),
        "{'devices':[]}".to_owned(),
        "{\"devices\":[{\"name\":NaN}]}".to_owned(),
        "devices=1&name=x".to_owned(),
        format!("{complete} {complete}"),
        format!("{complete}]"),
        complete[..complete.len() - 1].to_owned(),
    ] {
        let response = assert_body_rejected(&api, body, "not_json");
        let entry = &response.json()["errors"][0];
        assert_eq!(entry["index"], Value::Null);
        assert_eq!(entry["pointer"], "");
        assert_eq!(entry["code"], "INVALID_BODY");
    }
}

#[test]
fn json_of_wrong_structure_is_rejected() {
    let api = api_with_one_device();
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    for (body, reason) in [
        ("[]".to_owned(), "wrong_type"),
        ("null".to_owned(), "wrong_type"),
        ("\"devices\"".to_owned(), "wrong_type"),
        (deep.clone(), "wrong_type"),
        ("{}".to_owned(), "required"),
        ("{\"devices\":{}}".to_owned(), "wrong_type"),
        ("{\"devices\":null}".to_owned(), "wrong_type"),
        (format!("{{\"devices\":{deep}}}"), "wrong_type"),
        ("{\"devices\":[]}".to_owned(), "empty_batch"),
        (
            "{\"devices\":[[\"XPS 13\",\"laptop\",\"computers\"]]}".to_owned(),
            "wrong_type",
        ),
        ("{\"devices\":[null]}".to_owned(), "wrong_type"),
        ("{\"devices\":[\"XPS 13\"]}".to_owned(), "wrong_type"),
    ] {
        assert_body_rejected(&api, body, reason);
    }
    let row = device(json!({}));
    assert_body_rejected(
        &api,
        format!("{{\"devices\":[{row}],\"page\":1}}"),
        "unknown_field",
    );
    assert_body_rejected(
        &api,
        format!("{{\"devices\":[{row}],\"devices\":[{row}]}}"),
        "repeated_field",
    );
    let repeated = row
        .to_string()
        .replace('{', "{\"color\":\"red\",\"color\":\"red\",");
    assert_body_rejected(
        &api,
        format!("{{\"devices\":[{repeated}]}}"),
        "repeated_field",
    );
    for field in ["color", "unknown"] {
        let nested = row
            .to_string()
            .replace('{', &format!("{{\"{field}\":{deep},"));
        let reason = if field == "color" {
            "wrong_type"
        } else {
            "unknown_field"
        };
        assert_body_rejected(&api, format!("{{\"devices\":[{nested}]}}"), reason);
    }
    let list = row
        .to_string()
        .replace('{', &format!("{{\"compliance\":[\"CE\",{deep}],"));
    assert_body_rejected(&api, format!("{{\"devices\":[{list}]}}"), "wrong_type");
}

#[test]
fn lenient_body_has_no_other_members() {
    let api = api_with_one_device();
    let row = device(json!({}));
    for (body, reason) in [
        (
            format!("{{\"devices\":[{row}],\"dry_run\":true}}"),
            "unknown_field",
        ),
        (
            format!("{{\"on_conflict\":\"update\",\"devices\":[{row}]}}"),
            "unknown_field",
        ),
        (
            format!("{{\"devices\":[{row}],\"Devices\":[]}}"),
            "unknown_field",
        ),
        (
            format!("{{\"devices\":[{row}],\"devices\":[{row}]}}"),
            "repeated_field",
        ),
        (
            format!(
                "{{\"devices\":[{}]}}",
                r#"{"name":"a","type":"b","category":"c","x":1,"x":1}"#
            ),
            "repeated_field",
        ),
    ] {
        let headers = [
            ("Prefer", "handling=lenient"),
            ("Content-Type", "application/json"),
        ];
        let response = api.send_text_with("POST", "/devices", &headers, body.clone());
        assert_rejected(&api, &response, 400, &body);
        let reasons = response.reasons();
        assert_eq!(reasons.len(), 1, "{body}: {}", response.text);
        assert_eq!(reasons[0].2, reason, "{body}");
    }
}

#[test]
fn invalid_text_is_rejected() {
    let api = api_with_one_device();
    for field in ["color", "unknown"] {
        let mut body = format!("{{\"devices\":[{{\"{field}\":\"").into_bytes();
        body.extend(b"\xff\xfe");
        body.extend(b"\",\"name\":\"a\",\"type\":\"b\",\"category\":\"c\"}]}");
        assert_body_rejected(&api, body, "not_utf8");
    }
    for (escaped, reason) in [
        (r"a\u0000b", "control_character"),
        (r"\u0007", "control_character"),
        (r"a\u009fb", "control_character"),
        (r"a\nb", "control_character"),
        (r"a\ud800b", "ill_formed_text"),
        (r"\udc00", "ill_formed_text"),
        (r"a\u202eb", "bidirectional_override"),
        (r"\u200b\u2060", "required"),
        (r" \u3000 ", "required"),
        ("", "required"),
    ] {
        let body = format!(
            r#"{{"devices":[{{"name":"{escaped}","type":"b","category":"c","serial_number":"S"}}]}}"#
        );
        assert_body_rejected(&api, body, reason);
        if reason != "required" {
            let body = format!(
                r#"{{"devices":[{{"name":"a","type":"b","category":"c","compliance":["{escaped}"]}}]}}"#
            );
            assert_body_rejected(&api, body, reason);
        }
    }
}

#[test]
fn too_many_devices_are_rejected() {
    let api = api_with_one_device();
    let rows = vec![device(json!({})); 1_001];
    let response = assert_body_rejected(
        &api,
        json!({"devices": rows}).to_string(),
        "too_many_devices",
    );
    assert_eq!(response.json()["errors"][0]["pointer"], "/devices");

    let api = api_with_one_device_and_options(&ServerOptions::with(
        "DEVICES__LIMITS__MAX_DEVICES_PER_BATCH",
        2,
    ));
    let rows = vec![device(json!({})); 3];
    assert_body_rejected(
        &api,
        json!({"devices": rows}).to_string(),
        "too_many_devices",
    );
}

#[test]
fn error_report_is_limited_to_1000_entries() {
    let api = api_with_one_device();
    let response = api.post(&json!(vec![json!({}); 1_000]));
    assert_rejected(&api, &response, 400, "a thousand empty rows");
    let report = response.json();
    assert_eq!(report["errors"].as_array().unwrap().len(), 1_000);
    assert_eq!(report["errors_total"], 3_000);
}

#[test]
fn unknown_fields_are_limited_to_1000_entries() {
    let api = Api::start();
    assert_eq!(api.post(&json!([device(json!({}))])).status, 201);
    let members: serde_json::Map<_, _> =
        (0..200_000).map(|n| (format!("x{n}"), json!(0))).collect();
    for (method, path) in [
        ("PATCH", "/devices/1"),
        ("POST", "/users"),
        ("PUT", "/mdm/enrollments/SN-1"),
    ] {
        let response = api.send(method, path, &json!(members));
        assert_eq!(response.status, 400, "{path}");
        let report = response.json();
        assert_eq!(report["errors"].as_array().unwrap().len(), 1_000, "{path}");
        assert!(
            report["errors_total"].as_u64().unwrap() >= 200_000,
            "{path}"
        );
    }
}
