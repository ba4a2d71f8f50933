//! An export can be sent to `POST /devices`.

use std::collections::BTreeMap;

use devices_domain::KeyboardLayout;
use devices_tests::{Api, send};
use serde_json::{Value, json};

use super::{every_field, export, exported_fields, rows};

/// Returns the devices of a workspace by name, without ids and timestamps.
fn devices_by_name(api: &Api, key: &str, query: &str) -> BTreeMap<String, Value> {
    let path = format!("/devices?limit=100{query}");
    let response = api.call_as(key, "GET", &path);
    assert_eq!(response.status, 200, "{}", response.text);
    let list = response.json();
    let devices = list["data"].as_array().unwrap();
    devices
        .iter()
        .map(|device| {
            let mut device = device.clone();
            let members = device.as_object_mut().unwrap();
            for name in ["id", "user_id", "created_at", "updated_at"] {
                members.remove(name).unwrap();
            }
            if let Some(user) = members["user"].as_object_mut() {
                user.remove("id").unwrap();
            }
            (device["name"].as_str().unwrap().to_owned(), device)
        })
        .collect()
}

#[test]
fn json_export_recreates_devices_elsewhere() {
    let api = Api::start();
    api.create_workspace("globex");
    let globex = api.create_key("globex", "WRITE");
    api.add_user("globex", "somebody@example.com");
    for email in ["Ada@Example.com", "bob@example.com"] {
        api.add_user("acme", email);
    }
    for email in ["bob@example.com", "Ada@Example.com"] {
        api.add_user("globex", email);
    }
    let mut sent = vec![
        every_field("ada@example.com"),
        json!({"name": "bare"}),
        json!({
            "name": "odd \"texts\", = and é🖥\u{200d}", "user_email": "BOB@example.com",
            "comment": "first line\n\n\tthird line '; DROP TABLE devices; -- \\ / <b> &amp; %00 \u{2028}",
            "type": "=1+1", "category": "@sum", "brand": "-x", "color": "null",
            "serial_number": "ｓｎ－1", "compliance": ["a,b", "c\"d", "[]", "null"],
        }),
        json!({"name": "false values", "is_rented": false, "has_webcam": false,
            "has_screen": false, "client_purchase_price": "0"}),
        json!({"name": "large", "client_purchase_price": "9999999999.99",
            "comment": "é".repeat(10_000), "brand": "🖥".repeat(255),
            "connection_type": vec!["x".repeat(100); 50],
            "client_purchase_date": "0002-01-01", "client_warranty_endDate": "9999-12-31"}),
        json!({"name": "broken", "lifecycle": "OUT_OF_SERVICE", "added_via": "ONBOARDING"}),
    ];
    for layout in KeyboardLayout::NAMES {
        sent.push(json!({"name": layout, "keyboard_layout": layout}));
    }
    api.create_devices(sent.clone());
    api.send(
        "PATCH",
        "/devices/2",
        &json!({"color": "red", "brand": "Later"}),
    );

    let exported = export(&api, "?format=json").text;
    for row in rows(&export(&api, "")) {
        for (name, value) in &row {
            assert!(exported_fields().any(|field| field == name), "{name}");
            let is_empty = value.is_null() || *value == json!("") || *value == json!([]);
            assert!(!is_empty, "{name}: {value}");
        }
    }
    let request = api.request("POST", "/devices").bearer_auth(&globex);
    let request = request.header("Content-Type", "application/json");
    let response = send(request.body(exported.clone()));
    assert_eq!(response.status, 201, "{}", response.text);
    let (originals, copies) = (
        devices_by_name(&api, &api.key, ""),
        devices_by_name(&api, &globex, ""),
    );
    assert_eq!(originals.len(), sent.len());
    assert_eq!(copies, originals);

    // The export of the copy equals the export of the original byte for byte.
    let copied = api.call_as(&globex, "GET", "/devices/export");
    assert_eq!(copied.text, exported);
    // Each line of NDJSON is a device of a batch, too.
    let lines = export(&api, "?format=ndjson").text;
    let batch: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let batch_of_export: Value = serde_json::from_str(&exported).unwrap();
    assert_eq!(json!({ "devices": batch }), batch_of_export);
}

#[test]
fn exported_archived_devices_can_be_restored() {
    let api = Api::start();
    api.add_user("acme", "ada@example.com");
    api.create_device(every_field("ada@example.com"));
    let before = devices_by_name(&api, &api.key, "");
    assert_eq!(api.call("DELETE", "/devices/1").status, 200);
    assert_eq!(rows(&export(&api, "")).len(), 0);
    let exported = export(&api, "?client_status=ARCHIVED").text;
    let response = api.post_text(exported);
    assert_eq!(response.status, 201, "{}", response.text);
    assert_eq!(devices_by_name(&api, &api.key, ""), before);
}
