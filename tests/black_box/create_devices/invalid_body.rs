//! Bodies that are refused, each with the reason that it is refused for; the table holds afterwards
//! what it held before.

use std::io::{Read, Write};
use std::net::TcpStream;

use devices_tests::{Answer, Api, ServerOptions, device, send};
use serde_json::{Value, json};

/// A server whose workspace holds one device.
fn api_with_a_device() -> Api {
    api_with(&ServerOptions::default())
}

fn api_with(options: &ServerOptions) -> Api {
    let api = Api::start_with(options);
    let kept = json!([device(json!({"serial_number": "KEPT"}))]);
    assert_eq!(api.post(&kept).status, 201);
    api
}

/// Refused with this status, as the contract has it, and nothing stored.
fn assert_refused(api: &Api, answer: &Answer, status: u16, case: &str) {
    assert_eq!(answer.status, status, "{case}: {}", answer.text);
    assert_eq!(answer.header("content-type"), "application/json", "{case}");
    assert!(!answer.header("x-request-id").is_empty(), "{case}");
    let error = &answer.json()["error"];
    assert!(
        error.as_str().is_some_and(|error| !error.is_empty()),
        "{case}"
    );
    let stored = "SELECT serial_number FROM devices";
    assert_eq!(api.database.texts(stored), ["KEPT"], "{case}");
}

/// The body is refused for this one reason.
fn assert_reason(api: &Api, body: impl Into<Vec<u8>>, reason: &str) -> Answer {
    let body = body.into();
    let case: String = String::from_utf8_lossy(&body).chars().take(200).collect();
    let answer = api.post_text(body);
    assert_refused(api, &answer, 400, &case);
    let reasons: Vec<_> = answer
        .reasons()
        .into_iter()
        .map(|(_, _, why)| why)
        .collect();
    assert_eq!(reasons, [reason], "{case}: {}", answer.text);
    answer
}

/// A device with this value, refused for this reason; the entry points at the field.
fn assert_value(api: &Api, field: &str, value: Value, reason: &str) {
    let body = json!({"devices": [device(json!({})), device(json!({field: value}))]});
    let answer = assert_reason(api, body.to_string(), reason);
    let entry = &answer.json()["errors"][0];
    assert_eq!(entry["index"], 1);
    assert_eq!(entry["field"], field);
    let pointer = entry["pointer"].as_str().unwrap();
    assert!(
        pointer.starts_with(&format!("/devices/1/{field}")),
        "{pointer}"
    );
    let message = entry["message"].as_str().unwrap();
    assert!(
        message.starts_with(&format!("devices[1].{field}")),
        "{message}"
    );
}

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
fn values_of_the_wrong_type() {
    let api = api_with_a_device();
    for field in [
        "name",
        "brand",
        "serial_number",
        "client_purchase_price",
        "client_purchase_date",
    ] {
        for value in [json!(7), json!(true), json!({}), json!(["x"])] {
            assert_value(&api, field, value, "wrong_type");
        }
    }
    assert_value(&api, "name", Value::Null, "required");
    for value in [json!("true"), json!(1), json!([])] {
        assert_value(&api, "is_rented", value.clone(), "wrong_type");
        assert_value(&api, "has_webcam", value, "wrong_type");
    }
    for value in [json!(7), json!({}), json!([7]), json!(["CE", null])] {
        assert_value(&api, "compliance", value, "wrong_type");
    }
    for value in [json!("12"), json!(1.5), json!([1])] {
        assert_value(&api, "user_id", value, "wrong_type");
    }
}

#[test]
fn values_out_of_their_limits() {
    let api = api_with_a_device();
    for (field, longest) in [
        ("name", 255),
        ("brand", 255),
        ("comment", 10_000),
        ("compliance", 100),
    ] {
        assert_value(&api, field, json!("é".repeat(longest + 1)), "too_long");
    }
    assert_value(&api, "serial_number", json!("S".repeat(65)), "too_long");
    assert_value(
        &api,
        "connection_type",
        json!(["x".repeat(101)]),
        "too_long",
    );
    assert_value(
        &api,
        "connection_type",
        json!(vec!["x"; 51]),
        "too_many_items",
    );
    assert_value(&api, "connection_type", json!(["USB", " "]), "empty_item");
    for user in [
        "0",
        "-1",
        "9223372036854775808",
        "1e400",
        "-99999999999999999999",
    ] {
        let row = device(json!({})).to_string();
        let row = row.replace("{", &format!("{{\"user_id\":{user},"));
        assert_reason(&api, format!("{{\"devices\":[{row}]}}"), "out_of_range");
    }
}

#[test]
fn words_that_are_not_in_an_enumeration() {
    let api = api_with_a_device();
    for value in ["mass_import", "CSV_IMPORT", "MASS_IMPORT,ONBOARDING"] {
        assert_value(&api, "added_via", json!(value), "not_in_enum");
    }
    for value in ["AZERTY", "french_azerty", "FRENCH AZERTY"] {
        assert_value(&api, "keyboard_layout", json!(value), "not_in_enum");
    }
    for field in ["added_via", "keyboard_layout"] {
        assert_value(&api, field, json!(1), "wrong_type");
        assert_value(&api, field, json!(["MASS_IMPORT"]), "wrong_type");
    }
}

#[test]
fn dates_and_amounts_that_are_none() {
    let api = api_with_a_device();
    for date in [
        "yesterday",
        "2023-02-29",
        "2024-13-01",
        "31/12/2024",
        "2024-1-1",
        "20240101",
        "2024-01-01T25:00:00",
        "2024-01-01 x",
    ] {
        for field in [
            "client_purchase_date",
            "client_warranty_endDate",
            "client_rental_startDate",
        ] {
            assert_value(&api, field, json!(date), "malformed");
        }
    }
    for amount in [
        "free", "1.299,00", "1 299", "1299.001", "12e3", ".", "1299 EUR", "NaN", "--1",
    ] {
        let body = json!({"devices": [device(json!({"client_purchase_price": amount}))]});
        let answer = api.post_text(body.to_string());
        assert_refused(&api, &answer, 400, amount);
    }
    let answer = api.post(&json!([device(json!({"client_rental_price": "-1.00"}))]));
    assert_refused(&api, &answer, 400, "a negative price");
    let backwards = device(json!({
        "client_rental_startDate": "2024-05-02", "client_rental_endDate": "2024-05-01",
    }));
    assert_reason(
        &api,
        json!({"devices": [backwards]}).to_string(),
        "ends_before_start",
    );
}

#[test]
fn serial_numbers_that_no_device_carries() {
    let api = api_with_a_device();
    for (serial, reason) in [
        ("AB  12", "malformed"),
        ("AB*12", "malformed"),
        ("СН-12", "malformed"),
        ("#", "malformed"),
        ("To be filled by O.E.M.", "placeholder"),
        ("default string", "placeholder"),
        ("SYSTEM SERIAL NUMBER", "placeholder"),
        ("Not Specified", "placeholder"),
        ("None", "placeholder"),
        ("n/a", "placeholder"),
        ("unknown", "placeholder"),
        ("No Asset Information", "placeholder"),
        ("0000", "placeholder"),
        ("XXXX", "placeholder"),
        ("....", "placeholder"),
        ("--", "placeholder"),
        ("*", "placeholder"),
    ] {
        assert_value(&api, "serial_number", json!(serial), reason);
        let answer = api.post(&json!([device(json!({"serial_number": serial}))]));
        assert_eq!(answer.json()["error"], "INVALID_SERIAL_NUMBER");
    }
}

#[test]
fn an_unknown_field_is_named_with_the_one_that_was_meant() {
    let api = api_with_a_device();
    let near = device(json!({"client_warranty_end_date": "2027-01-01"}));
    let answer = assert_reason(
        &api,
        json!({"devices": [near]}).to_string(),
        "unknown_field",
    );
    assert_eq!(
        answer.json(),
        json!({
            "error": "devices[0].client_warranty_end_date is no field of a device; did you mean \
                      `client_warranty_endDate`?",
            "errors": [{
                "index": 0,
                "pointer": "/devices/0/client_warranty_end_date",
                "field": "client_warranty_end_date",
                "code": "INVALID_FIELD",
                "reason": "unknown_field",
                "message": "devices[0].client_warranty_end_date is no field of a device; did you \
                            mean `client_warranty_endDate`?",
                "did_you_mean": "client_warranty_endDate",
            }],
            "errors_total": 1,
        })
    );
    let far = device(json!({"a/b~c": 1}));
    let answer = assert_reason(&api, json!({"devices": [far]}).to_string(), "unknown_field");
    assert_eq!(answer.json()["errors"][0]["pointer"], "/devices/0/a~1b~0c");
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
fn a_body_over_the_limit_announced_or_not() {
    let api = api_with(&ServerOptions::with("DEVICES__LIMITS__BODY_BYTES", 10_000));
    let body = json!({"devices": [device(json!({"comment": "x".repeat(9_950)}))]}).to_string();
    let announced = api.post_text(body.clone());
    assert_refused(&api, &announced, 413, "with Content-Length");
    assert_eq!(announced.json(), json!({"error": "PAYLOAD_TOO_LARGE"}));

    // A reader of unknown length is sent in chunks.
    let chunked = reqwest::blocking::Body::new(std::io::Cursor::new(body));
    let answer = api.post_text(chunked);
    assert_refused(&api, &answer, 413, "in chunks");
}

#[test]
fn a_body_far_over_the_limit_is_answered_and_not_read() {
    let api = api_with_a_device();
    let mut socket = api.begin_post(&["Content-Length: 99999999999"]);
    assert!(read_answer(&mut socket).starts_with("HTTP/1.1 413 "));
}

#[test]
fn content_types_and_encodings_that_are_not_plain_json() {
    let api = api_with_a_device();
    let body = json!({"devices": [device(json!({}))]}).to_string();
    for content_type in [
        "text/plain",
        "application/xml",
        "application/jsonx",
        "multipart/form-data",
        "",
    ] {
        let request = api.request("POST", "/devices").bearer_auth(&api.key);
        let answer = send(
            request
                .header("Content-Type", content_type)
                .body(body.clone()),
        );
        assert_refused(&api, &answer, 415, content_type);
        assert_eq!(answer.json(), json!({"error": "UNSUPPORTED_MEDIA_TYPE"}));
    }
    let without = api.request("POST", "/devices").bearer_auth(&api.key);
    assert_refused(
        &api,
        &send(without.body(body.clone())),
        415,
        "no content type",
    );
    let request = api.request("POST", "/devices").bearer_auth(&api.key);
    let request = request.header("Content-Type", "application/json");
    let answer = send(
        request
            .header("Content-Encoding", "gzip")
            .body(body.clone()),
    );
    assert_refused(&api, &answer, 415, "gzip");
    let request = api.request("POST", "/devices").bearer_auth(&api.key);
    let request = request.header("Content-Type", "application/json");
    let answer = send(request.header("Content-Type", "text/plain").body(body));
    assert_refused(&api, &answer, 415, "two content types");
}

#[test]
fn a_body_that_stalls_is_answered_in_time() {
    let api = api_with(&ServerOptions::with("DEVICES__LIMITS__BODY_SECONDS", 1));
    let mut socket = api.begin_post(&["Content-Length: 500"]);
    socket.write_all(b"{\"devices\":[").unwrap();
    let answer = read_answer(&mut socket);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(
        answer.ends_with("{\"error\":\"REQUEST_TIMEOUT\"}"),
        "{answer}"
    );
    assert_eq!(api.database.count("devices"), 1);
}

#[test]
fn a_body_in_chunks_that_stalls_is_answered_and_the_connection_closed() {
    let api = api_with(&ServerOptions::with("DEVICES__LIMITS__BODY_SECONDS", 1));
    let mut socket = api.begin_post(&["Transfer-Encoding: chunked"]);
    socket.write_all(b"b\r\n{\"devices\":").unwrap();
    let answer = read_answer(&mut socket);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
}

#[test]
fn a_body_in_chunks_that_never_ends_is_not_read_for_ever_with_a_key_or_without() {
    let api = api_with(&ServerOptions::with("DEVICES__LIMITS__BODY_BYTES", 10_000));
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(4_096));
    for line in ["X-Nothing: at all", "Authorization: a second one is a 401"] {
        let mut socket = api.begin_post(&["Transfer-Encoding: chunked", line]);
        // 4 GB, if the server took them all.
        let taken = (0..1_000_000)
            .take_while(|_| socket.write_all(chunk.as_bytes()).is_ok())
            .count();
        assert!(taken < 1_000_000, "{line}");
    }
    assert_eq!(api.database.count("devices"), 1);
}

#[test]
fn a_client_that_goes_away_in_the_middle_leaves_nothing() {
    let api = api_with_a_device();
    let mut socket = api.begin_post(&["Content-Length: 500"]);
    socket.write_all(b"{\"devices\":[").unwrap();
    socket.shutdown(std::net::Shutdown::Write).unwrap();
    drop(socket);
    assert_eq!(api.post(&json!([])).status, 400);
    assert_eq!(api.database.count("devices"), 1);
}

/// Everything until the server closes the connection.
fn read_answer(socket: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
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
