//! Batches that are stored.

use devices_tests::{Api, TestDatabase, device, send};
use serde_json::{Value, json};

const EXAMPLE: &str = include_str!("../../../examples/agent-inventory.json");

/// The example's devices.
fn example() -> Vec<Value> {
    let batch: Value = serde_json::from_str(EXAMPLE).unwrap();
    batch["devices"].as_array().unwrap().clone()
}

#[test]
fn a_device_of_three_fields_has_every_key_of_the_contract() {
    let api = Api::start();
    let answer = api.post(&json!([device(json!({}))]));
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("content-type"), "application/json");
    let nothing = Value::Null;
    let expected = json!({"data": {"devices": [{
        "id": 1, "name": "XPS 13", "type": "laptop", "category": "computers",
        "rent": null, "tracking_number": null, "client_status": "AVAILABLE", "source": "EXTERNAL",
        "serial_number": null, "comment": null,
        "characteristics": {
            "screen_size": nothing, "graphic": nothing, "processor": nothing, "ram": nothing,
            "storage": nothing, "model_year": nothing, "connectivity": nothing,
            "keyboard_layout": nothing, "resolution": nothing, "has_microphone": nothing,
            "has_webcam": nothing, "noise_cancellation": nothing, "compliance": [],
            "connection_type": [], "has_stool": nothing, "has_video_package": nothing,
            "has_screen": nothing, "has_premium_tablet": nothing, "color": nothing,
            "seats_number": nothing, "assembly": nothing, "os_platform": nothing,
        },
        "mdm": null,
    }]}});
    assert_eq!(answer.json(), expected);
}

#[test]
fn every_field_is_stored_and_shown_where_the_contract_says() {
    let api = Api::start();
    let user = api.add_user("acme", "ada@example.com");
    let answer = api.post(&json!([{
        "name": " MacBook Pro ", "type": "laptop", "category": "computers", "user_id": user,
        "added_via": "MASS_IMPORT", "brand": "Apple", "serial_number": " c02xl0gsjgh5 ",
        "is_rented": true, "client_purchase_price": "1299,5", "client_rental_price": "49",
        "client_purchase_date": "2024-02-29", "client_warranty_endDate": "2027-02-28T23:59:59Z",
        "client_rental_startDate": "2024-03-01", "client_rental_endDate": "2025-03-01",
        "client_contract_number": "C-1", "client_invoice_number": "I-1",
        "screen_size": "14", "graphic": "M3", "processor": "M3 Pro", "ram": "18 GB",
        "storage": "512 GB", "model_year": "2023", "connectivity": "Wi-Fi 6E",
        "keyboard_layout": "FRENCH_AZERTY", "resolution": "3024x1964", "has_microphone": true,
        "has_webcam": false, "noise_cancellation": null, "compliance": "CE",
        "connection_type": ["USB-C", "HDMI"], "has_stool": false, "has_video_package": false,
        "has_screen": true, "has_premium_tablet": false, "comment": "café 🖥", "color": "black",
        "seats_number": "0", "assembly": "none", "os_platform": "macOS",
    }]));
    assert_eq!(answer.status, 201, "{}", answer.text);
    let device = &answer.json()["data"]["devices"][0];
    assert_eq!(device["name"], "MacBook Pro");
    assert_eq!(device["serial_number"], "c02xl0gsjgh5");
    assert_eq!(device["comment"], "café 🖥");
    assert_eq!(device["client_status"], "IN_SERVICE");
    assert_eq!(
        device["characteristics"],
        json!({
            "screen_size": "14", "graphic": "M3", "processor": "M3 Pro", "ram": "18 GB",
            "storage": "512 GB", "model_year": "2023", "connectivity": "Wi-Fi 6E",
            "keyboard_layout": "FRENCH_AZERTY", "resolution": "3024x1964",
            "has_microphone": true, "has_webcam": false, "noise_cancellation": null,
            "compliance": ["CE"], "connection_type": ["USB-C", "HDMI"], "has_stool": false,
            "has_video_package": false, "has_screen": true, "has_premium_tablet": false,
            "color": "black", "seats_number": "0", "assembly": "none", "os_platform": "macOS",
        })
    );
    let stored = api.database.texts(
        "SELECT concat_ws('|', brand, user_id, added_via, is_rented, client_purchase_price,
             client_rental_price, client_purchase_date, client_warranty_end_date,
             client_rental_start_date, client_rental_end_date, client_contract_number,
             client_invoice_number, serial_number_folded)
         FROM devices",
    );
    assert_eq!(
        stored,
        [format!(
            "Apple|{user}|MASS_IMPORT|t|1299.50|49.00|2024-02-29|2027-02-28|2024-03-01|\
             2025-03-01|C-1|I-1|C02XL0GSJGH5"
        )]
    );
}

#[test]
fn the_example_batch_is_stored_once_and_its_conflicts_are_named_the_second_time() {
    let api = Api::start();
    let created = api.post_text(EXAMPLE);
    assert_eq!(created.status, 201, "{}", created.text);
    let body = created.json();
    let devices = body["data"]["devices"].as_array().unwrap();
    assert_eq!(devices.len(), 20);
    for (sent, stored) in example().iter().zip(devices) {
        assert_eq!(sent["serial_number"], stored["serial_number"]);
        assert_eq!(sent["name"], stored["name"]);
    }

    let refused = api.post_text(EXAMPLE);
    assert_eq!(refused.status, 400);
    let report = refused.json();
    assert_eq!(report["error"], "INVALID_SERIAL_NUMBER");
    assert_eq!(report["errors_total"], 20);
    for (index, device) in devices.iter().enumerate() {
        let entry = &report["errors"][index];
        assert_eq!(entry["index"], index);
        assert_eq!(entry["pointer"], format!("/devices/{index}/serial_number"));
        assert_eq!(entry["reason"], "already_exists");
        assert_eq!(entry["existing_device_id"], device["id"]);
    }
    assert_eq!(api.database.count("devices"), 20);
}

#[test]
fn a_thousand_devices_come_back_in_the_order_they_were_sent() {
    let api = Api::start();
    // Falling serial numbers: they are written in another order.
    let devices: Vec<_> = (0..1_000)
        .map(|row| {
            let serial = format!("SN-{:04}", 9_999 - row);
            device(json!({"name": format!("No. {row}"), "serial_number": serial}))
        })
        .collect();
    let answer = api.post(&json!(devices));
    assert_eq!(answer.status, 201, "{}", answer.text);
    let body = answer.json();
    let stored = body["data"]["devices"].as_array().unwrap();
    let mut last = 0;
    for (sent, stored) in devices.iter().zip(stored) {
        assert_eq!(sent["name"], stored["name"]);
        assert_eq!(sent["serial_number"], stored["serial_number"]);
        let id = stored["id"].as_i64().unwrap();
        assert!(id > last);
        last = id;
    }
    assert_eq!(api.database.count("devices"), 1_000);
}

#[test]
fn the_vendors_prefix_answers_the_same() {
    let api = Api::start();
    let request = api.request("POST", "/platform/v1/devices");
    let body = json!({"devices": [device(json!({}))]});
    let answer = send(request.bearer_auth(&api.key).json(&body));
    assert_eq!(answer.status, 201, "{}", answer.text);
}

#[test]
fn a_content_type_with_a_charset_is_json() {
    let api = Api::start();
    for content_type in [
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "Application/JSON",
    ] {
        let request = api.request("POST", "/devices").bearer_auth(&api.key);
        let body = json!({"devices": [device(json!({}))]}).to_string();
        let answer = send(request.header("Content-Type", content_type).body(body));
        assert_eq!(answer.status, 201, "{content_type}: {}", answer.text);
    }
}

#[test]
fn devices_without_a_serial_number_are_fine_in_any_number() {
    let api = Api::start();
    let same = device(json!({"serial_number": null, "brand": ""}));
    assert_eq!(api.post(&json!([same, same, same])).status, 201);
    assert_eq!(api.post(&json!([same])).status, 201);
    assert_eq!(api.database.count("devices WHERE brand IS NULL"), 4);
}

#[test]
fn the_serial_number_of_a_deleted_device_is_free_again() {
    let api = Api::start();
    let batch = json!([device(json!({"serial_number": "SN1"}))]);
    assert_eq!(api.post(&batch).status, 201);
    api.database
        .execute("UPDATE devices SET deleted_at = now()");
    assert_eq!(api.post(&batch).status, 201);
    assert_eq!(api.database.count("devices"), 2);
}

#[test]
fn workspaces_do_not_see_each_others_serial_numbers() {
    let api = Api::start();
    api.create_workspace("globex");
    let other = api.create_key("globex", "WRITE");
    let batch = json!([device(json!({"serial_number": "SN1"}))]);
    assert_eq!(api.post(&batch).status, 201);
    assert_eq!(api.post_as(&other, &batch).status, 201);
}

#[test]
fn a_client_that_prefers_lenient_handling_may_send_unknown_fields() {
    let api = Api::start();
    let lenient = |body: &Value| {
        let request = api.request("POST", "/devices").bearer_auth(&api.key);
        send(request.header("Prefer", "handling=lenient").json(body))
    };
    let sent = json!({"page": 1, "devices": [device(json!({"mac_address": {"en0": []}}))]});
    let answer = lenient(&sent);
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(answer.header("preference-applied"), "handling=lenient");

    let answer = lenient(&json!({"devices": [device(json!({"color": 7, "x": 1}))]}));
    assert_eq!(answer.status, 400);
    let wrong = (json!(0), "color".to_owned(), "wrong_type".to_owned());
    assert_eq!(answer.reasons(), [wrong]);
    assert_eq!(answer.header("preference-applied"), "handling=lenient");
}

#[test]
fn each_test_has_a_database_of_its_own() {
    let (one, other) = (TestDatabase::new(), TestDatabase::new());
    one.execute("INSERT INTO workspaces (name) VALUES ('acme')");
    assert_eq!((one.count("workspaces"), other.count("workspaces")), (1, 0));
}
