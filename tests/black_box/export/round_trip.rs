//! An export can be sent to `POST /devices`.

use std::collections::BTreeMap;

use devices_tests::{Api, send};
use serde_json::{Value, json};

use super::{FIELDS, complete, export, rows};

/// The devices of a workspace by their names, without what another workspace numbers otherwise.
fn shown(api: &Api, key: &str, query: &str) -> BTreeMap<String, Value> {
    let path = format!("/devices?limit=100{query}");
    let answer = api.ask_as(key, "GET", &path);
    assert_eq!(answer.status, 200, "{}", answer.text);
    let list = answer.json();
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
fn what_is_written_as_json_makes_the_same_devices_in_another_workspace() {
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
        complete("ada@example.com"),
        json!({"name": "bare"}),
        json!({
            "name": "odd \"texts\", = and é🖥\u{200d}", "user_email": "BOB@example.com",
            "comment": "'; DROP TABLE devices; -- \\ / <b> &amp; %00 \u{2028}",
            "type": "=1+1", "category": "@sum", "brand": "-x", "color": "null",
            "serial_number": "ｓｎ－1", "compliance": ["a,b", "c\"d", "[]", "null"],
        }),
        json!({"name": "false values", "is_rented": false, "has_webcam": false,
            "has_screen": false, "client_purchase_price": "0"}),
        json!({"name": "large", "client_purchase_price": "9999999999.99",
            "comment": "é".repeat(10_000), "brand": "🖥".repeat(255),
            "connection_type": vec!["x".repeat(100); 50],
            "client_purchase_date": "0001-01-01", "client_warranty_endDate": "9999-12-31"}),
        json!({"name": "broken", "lifecycle": "OUT_OF_SERVICE", "added_via": "ONBOARDING"}),
    ];
    for word in [
        "FRENCH_AZERTY",
        "SPANISH_QWERTY",
        "ITALIAN_QWERTY",
        "INTERNATIONAL_ENGLISH_QWERTY",
        "GERMAN_QWERTZ",
        "PORTUGUESE_QWERTY",
        "ENGLISH_QWERTY",
        "SWISS_QWERTZ",
        "AMERICAN_ENGLISH_QWERTY",
        "CANADIAN_ENGLISH_QWERTY",
        "DUTCH_QWERTY",
    ] {
        sent.push(json!({"name": word, "keyboard_layout": word}));
    }
    api.create_devices(sent.clone());
    api.send(
        "PATCH",
        "/devices/2",
        &json!({"color": "red", "brand": "Later"}),
    );

    let written = export(&api, "?format=json").text;
    for row in rows(&export(&api, "")) {
        for (name, value) in &row {
            assert!(FIELDS.contains(&name.as_str()), "{name}");
            let is_nothing = value.is_null() || *value == json!("") || *value == json!([]);
            assert!(!is_nothing, "{name}: {value}");
        }
    }
    let request = api.request("POST", "/devices").bearer_auth(&globex);
    let request = request.header("Content-Type", "application/json");
    let answer = send(request.body(written.clone()));
    assert_eq!(answer.status, 201, "{}", answer.text);
    let (ours, theirs) = (shown(&api, &api.key, ""), shown(&api, &globex, ""));
    assert_eq!(ours.len(), sent.len());
    assert_eq!(theirs, ours);

    // And the copy of the copy is the copy, byte by byte.
    let copied = api.ask_as(&globex, "GET", "/devices/export");
    assert_eq!(copied.text, written);
    // Lines are devices of a batch, too.
    let lines = export(&api, "?format=ndjson").text;
    let batch: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let whole: Value = serde_json::from_str(&written).unwrap();
    assert_eq!(json!({ "devices": batch }), whole);
}

#[test]
fn archived_devices_can_be_brought_back_from_what_is_written_of_them() {
    let api = Api::start();
    api.add_user("acme", "ada@example.com");
    api.create_device(complete("ada@example.com"));
    let before = shown(&api, &api.key, "");
    assert_eq!(api.ask("DELETE", "/devices/1").status, 200);
    assert_eq!(rows(&export(&api, "")).len(), 0);
    let written = export(&api, "?client_status=ARCHIVED").text;
    let answer = api.post_text(written);
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(shown(&api, &api.key, ""), before);
}
