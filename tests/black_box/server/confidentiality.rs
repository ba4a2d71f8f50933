//! Values of batches: neither logged nor, except for references of rows, reported in errors.
//!
//! Every black-box test checks the logs, the metrics and the error responses of its server.

use devices_tests::{Api, Response, device};
use serde_json::{Value, json};

/// Options of batches, with the statuses of `POST /devices`.
const OPTIONS: [(&str, u16); 5] = [
    ("", 400),
    ("?on_conflict=update", 400),
    ("?on_conflict=skip", 400),
    ("?atomic=false", 207),
    ("?on_conflict=update&atomic=false", 207),
];

/// Returns a valid row, and rows with every kind of error.
fn rows() -> Vec<Value> {
    vec![
        device(json!({"serial_number": "PRIVATE-NEW", "comment": "A private comment"})),
        device(json!({"serial_number": "PRIVATE-TAKEN", "type": "a private type"})),
        device(json!({"serial_number": "PRIVATE-NEW", "color": "a private duplicate"})),
        device(json!({"serial_number": "PRIVATE\u{200B}SN", "row_ref": "PRIVATE-ROW\u{7}"})),
        device(json!({"serial_number": "PRIVATE-3", "user_email": "Nobody@private.example"})),
        device(json!({"serial_number": "PRIVATE-4", "client_purchase_price": "PRIVATE 12"})),
        device(json!({"serial_number": "PRIVATE-5", "lifecycle": "a private state"})),
        json!("PRIVATE-ROW, not an object"),
    ]
}

/// Returns all errors in a response.
fn errors(response: &Response) -> String {
    let body = response.json();
    let mut errors: Vec<Value> = body["errors"].as_array().cloned().unwrap_or_default();
    for rows in [&body["data"]["results"], &body["data"]["plan"]] {
        let rows = rows.as_array().into_iter().flatten();
        errors.extend(rows.map(|row| row["errors"].clone()));
    }
    json!(errors).to_string()
}

#[test]
fn errors_of_rows_contain_no_values() {
    let api = Api::start();
    api.create_device(json!({"serial_number": "PRIVATE-TAKEN"}));
    let batch = json!({ "devices": rows() });
    for (options, status) in OPTIONS {
        let headers = [("Idempotency-Key", format!("PRIVATE-KEY{options}"))];
        let headers = headers
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let validated = api.send_with(
            "POST",
            &format!("/devices/validate{options}"),
            &headers,
            &batch,
        );
        let sent = api.send_with("POST", &format!("/devices{options}"), &headers, &batch);
        assert_eq!(sent.status, status, "{options}: {}", sent.text);
        for response in [validated, sent] {
            let errors = errors(&response).to_lowercase();
            assert!(
                errors.contains("\"reason\""),
                "{options}: {}",
                response.text
            );
            assert!(!errors.contains("private"), "{options}: {errors}");
            let entry = api.server.access_log_entry(response.header("x-request-id"));
            assert!(
                !entry.to_string().to_lowercase().contains("private"),
                "{entry}"
            );
        }
    }
}

#[test]
fn batches_and_events_contain_no_values() {
    let api = Api::start();
    api.create_device(json!({"serial_number": "PRIVATE-SN"}));
    let rows = json!([
        device(json!({"serial_number": "PRIVATE-NEW", "row_ref": "PRIVATE-ROW"})),
        {"serial_number": "PRIVATE-SN", "comment": "A private comment"},
    ]);
    let batch = json!({ "devices": rows });
    let stored = api.send("POST", "/devices?on_conflict=update", &batch);
    assert_eq!(stored.status, 200, "{}", stored.text);
    let path = stored.header("location");
    let undo = format!("{path}/undo");
    for (method, path) in [
        ("GET", path),
        ("GET", "/batches"),
        ("GET", &undo),
        ("POST", &undo),
        ("GET", "/events"),
    ] {
        let response = api.call(method, path);
        assert_eq!(response.status, 200, "{path}: {}", response.text);
        assert!(!response.text.to_lowercase().contains("private"), "{path}");
    }
    // The reference is not stored.
    let tables = ["devices", "device_events", "batches"];
    for table in tables {
        let rows = api
            .database
            .texts(&format!("SELECT {table}::text FROM {table}"));
        assert!(
            rows.iter().all(|row| !row.contains("PRIVATE-ROW")),
            "{table}"
        );
    }
}

#[test]
fn parameters_are_not_logged() {
    let api = Api::start();
    let batch = json!({"devices": [device(json!({}))]});
    for (method, path) in [
        ("POST", "/devices?on_conflict=PRIVATE"),
        ("POST", "/devices/validate?match=PRIVATE"),
        ("GET", "/devices?batch_id=PRIVATE"),
        ("GET", "/batches?since=PRIVATE&key_id=PRIVATE"),
        ("GET", "/batches/PRIVATE"),
        ("GET", "/batches/1/undo?include_changed=PRIVATE"),
        ("GET", "/events?after=PRIVATE&type=PRIVATE"),
    ] {
        let response = api.send(method, path, &batch);
        assert_eq!(response.status, 400, "{path}: {}", response.text);
        assert!(!response.text.contains("PRIVATE"), "{}", response.text);
        api.server.access_log_entry(response.header("x-request-id"));
    }
    let lines = api.server.log_lines();
    assert!(lines.iter().all(|line| !line.contains("PRIVATE")));
}
