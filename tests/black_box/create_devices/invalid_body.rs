//! Bodies that are refused, each with the reason that it is refused for; the table holds afterwards
//! what it held before.

use devices_tests::{Api, ServerOptions, device};
use serde_json::{Value, json};

use super::{api_with, api_with_a_device, assert_reason, assert_refused};

#[test]
fn what_is_not_json() {
    let api = api_with_a_device();
    let complete = json!({"devices": [device(json!({}))]}).to_string();
    for body in [
        "".to_owned(),
        "devices".to_owned(),
        "{\"devices\":[".to_owned(),
        "{'devices':[]}".to_owned(),
        "{\"devices\":[{\"name\":NaN}]}".to_owned(),
        "devices=1&name=x".to_owned(),
        format!("{complete} {complete}"),
        format!("{complete}]"),
        complete[..complete.len() - 1].to_owned(),
    ] {
        let answer = assert_reason(&api, body, "not_json");
        let entry = &answer.json()["errors"][0];
        assert_eq!(entry["index"], Value::Null);
        assert_eq!(entry["pointer"], "");
        assert_eq!(entry["code"], "INVALID_BODY");
    }
}

#[test]
fn json_of_another_shape() {
    let api = api_with_a_device();
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
        assert_reason(&api, body, reason);
    }
    let one = device(json!({}));
    assert_reason(
        &api,
        format!("{{\"devices\":[{one}],\"page\":1}}"),
        "unknown_field",
    );
    assert_reason(
        &api,
        format!("{{\"devices\":[{one}],\"devices\":[{one}]}}"),
        "repeated_field",
    );
    let twice = one
        .to_string()
        .replace("{", "{\"color\":\"red\",\"color\":\"red\",");
    assert_reason(&api, format!("{{\"devices\":[{twice}]}}"), "repeated_field");
    for field in ["color", "unknown"] {
        let nested = one
            .to_string()
            .replace("{", &format!("{{\"{field}\":{deep},"));
        let reason = if field == "color" {
            "wrong_type"
        } else {
            "unknown_field"
        };
        assert_reason(&api, format!("{{\"devices\":[{nested}]}}"), reason);
    }
    let list = one
        .to_string()
        .replace("{", &format!("{{\"compliance\":[\"CE\",{deep}],"));
    assert_reason(&api, format!("{{\"devices\":[{list}]}}"), "wrong_type");
}

#[test]
fn bytes_and_characters_that_are_no_text() {
    let api = api_with_a_device();
    for field in ["color", "unknown"] {
        let mut body = format!("{{\"devices\":[{{\"{field}\":\"").into_bytes();
        body.extend(b"\xff\xfe");
        body.extend(b"\",\"name\":\"a\",\"type\":\"b\",\"category\":\"c\"}]}");
        assert_reason(&api, body, "not_utf8");
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
        assert_reason(&api, body, reason);
        if reason != "required" {
            let body = format!(
                r#"{{"devices":[{{"name":"a","type":"b","category":"c","compliance":["{escaped}"]}}]}}"#
            );
            assert_reason(&api, body, reason);
        }
    }
}

#[test]
fn more_devices_than_a_batch_may_hold() {
    let api = api_with_a_device();
    let rows = vec![device(json!({})); 1_001];
    let answer = assert_reason(
        &api,
        json!({"devices": rows}).to_string(),
        "too_many_devices",
    );
    assert_eq!(answer.json()["errors"][0]["pointer"], "/devices");

    let api = api_with(&ServerOptions::with(
        "DEVICES__LIMITS__DEVICES_PER_BATCH",
        2,
    ));
    let rows = vec![device(json!({})); 3];
    assert_reason(
        &api,
        json!({"devices": rows}).to_string(),
        "too_many_devices",
    );
}

#[test]
fn the_report_holds_a_thousand_entries_and_counts_all() {
    let api = api_with_a_device();
    let answer = api.post(&json!(vec![json!({}); 1_000]));
    assert_refused(&api, &answer, 400, "a thousand empty rows");
    let report = answer.json();
    assert_eq!(report["errors"].as_array().unwrap().len(), 1_000);
    assert_eq!(report["errors_total"], 3_000);
}

#[test]
fn of_an_object_with_endless_unknown_fields_a_thousand_are_named_and_all_are_counted() {
    let api = Api::start();
    assert_eq!(api.post(&json!([device(json!({}))])).status, 201);
    let members: serde_json::Map<_, _> =
        (0..200_000).map(|n| (format!("x{n}"), json!(0))).collect();
    for (method, path) in [
        ("PATCH", "/devices/1"),
        ("POST", "/users"),
        ("PUT", "/mdm/enrollments/SN-1"),
    ] {
        let answer = api.send(method, path, &json!(members));
        assert_eq!(answer.status, 400, "{path}");
        let report = answer.json();
        assert_eq!(report["errors"].as_array().unwrap().len(), 1_000, "{path}");
        assert!(
            report["errors_total"].as_u64().unwrap() >= 200_000,
            "{path}"
        );
    }
}
