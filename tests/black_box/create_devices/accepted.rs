//! Batches that are stored.

use std::collections::BTreeSet;

use devices_domain::{Field, fields};
use devices_tests::{Api, complete_device, device, empty_value, percent_encode, send};
use serde_json::{Map, Value, json};

const EXAMPLE: &str = include_str!("../../../examples/agent-inventory.json");

/// Devices of the example batch.
fn example_devices() -> Vec<Value> {
    let batch: Value = serde_json::from_str(EXAMPLE).unwrap();
    batch["devices"].as_array().unwrap().clone()
}

/// Fields of the object `characteristics`: the last group of the field table, followed only by
/// `user_email`, which is not stored.
fn characteristic_fields() -> impl Iterator<Item = &'static Field> {
    fields()
        .iter()
        .skip_while(|field| field.name() != "screen_size")
        .filter(|field| field.name() != "user_email")
}

#[test]
fn minimal_device_returns_all_keys() {
    let api = Api::start();
    let response = api.post(&json!([device(json!({}))]));
    assert_eq!(response.status, 201);
    assert_eq!(response.header("content-type"), "application/json");
    let characteristics: Map<String, Value> = characteristic_fields()
        .map(|field| (field.name().to_owned(), empty_value(field)))
        .collect();
    let expected = json!({"data": {"devices": [{
        "id": 1, "name": "XPS 13", "type": "laptop", "category": "computers",
        "rent": null, "tracking_number": null, "client_status": "AVAILABLE", "source": "EXTERNAL",
        "serial_number": null, "comment": null,
        "characteristics": characteristics,
        "mdm": null,
    }]}});
    assert_eq!(response.json(), expected);
}

#[test]
fn all_fields_are_stored_and_returned() {
    let api = Api::start();
    let user = api.add_user("acme", "ada@example.com");
    let sent = complete_device(json!({
        "name": " MacBook Pro ", "serial_number": " c02xl0gsjgh5 ",
        "client_purchase_price": "1299,5", "client_rental_price": "49",
        "client_warranty_endDate": "2027-02-28T23:59:59Z", "noise_cancellation": null,
        "compliance": "CE", "lifecycle": null, "user_id": user, "user_email": null,
    }));
    let names: BTreeSet<_> = sent
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(names, fields().iter().map(Field::name).collect());
    let response = api.post(&json!([sent]));
    assert_eq!(response.status, 201, "{}", response.text);
    let device = &response.json()["data"]["devices"][0];
    assert_eq!(device["name"], "MacBook Pro");
    assert_eq!(device["serial_number"], "c02xl0gsjgh5");
    assert_eq!(device["comment"], "café 🖥");
    assert_eq!(device["client_status"], "IN_SERVICE");
    let mut characteristics: Map<String, Value> = characteristic_fields()
        .map(|field| (field.name().to_owned(), sent[field.name()].clone()))
        .collect();
    characteristics["compliance"] = json!(["CE"]);
    assert_eq!(device["characteristics"], Value::Object(characteristics));
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
fn repeated_example_batch_reports_conflicts() {
    let api = Api::start();
    let created = api.post_text(EXAMPLE);
    assert_eq!(created.status, 201, "{}", created.text);
    let body = created.json();
    let devices = body["data"]["devices"].as_array().unwrap();
    assert_eq!(devices.len(), 20);
    for (sent, stored) in example_devices().iter().zip(devices) {
        assert_eq!(sent["serial_number"], stored["serial_number"]);
        assert_eq!(sent["name"], stored["name"]);
    }

    let repeated = api.post_text(EXAMPLE);
    assert_eq!(repeated.status, 400);
    let report = repeated.json();
    assert_eq!(report["error"], "INVALID_SERIAL_NUMBER");
    // One device has an asset tag, too.
    assert_eq!(report["errors_total"], 21);
    let entries = report["errors"].as_array().unwrap().iter();
    let serial_numbers = entries.filter(|entry| entry["field"] == "serial_number");
    for ((index, device), entry) in devices.iter().enumerate().zip(serial_numbers) {
        assert_eq!(entry["index"], index);
        assert_eq!(entry["pointer"], format!("/devices/{index}/serial_number"));
        assert_eq!(entry["reason"], "already_exists");
        assert_eq!(entry["existing_device_id"], device["id"]);
    }
    assert_eq!(api.database.count("devices"), 20);
}

#[test]
fn thousand_devices_keep_request_order() {
    let api = Api::start();
    // Descending serial numbers. The server inserts in ascending order, to avoid deadlocks.
    let devices: Vec<_> = (0..1_000)
        .map(|row| {
            let serial = format!("SN-{:04}", 9_999 - row);
            device(json!({"name": format!("No. {row}"), "serial_number": serial}))
        })
        .collect();
    let response = api.post(&json!(devices));
    assert_eq!(response.status, 201, "{}", response.text);
    let body = response.json();
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
fn vendor_prefix_creates_devices() {
    let api = Api::start();
    let request = api.request("POST", "/platform/v1/devices");
    let body = json!({"devices": [device(json!({}))]});
    let response = send(request.bearer_auth(&api.key).json(&body));
    assert_eq!(response.status, 201, "{}", response.text);
}

#[test]
fn json_content_type_with_charset_is_accepted() {
    let api = Api::start();
    for content_type in [
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "Application/JSON",
    ] {
        let request = api.request("POST", "/devices").bearer_auth(&api.key);
        let body = json!({"devices": [device(json!({}))]}).to_string();
        let response = send(request.header("Content-Type", content_type).body(body));
        assert_eq!(response.status, 201, "{content_type}: {}", response.text);
    }
}

#[test]
fn devices_without_serial_number_never_conflict() {
    let api = Api::start();
    let row = device(json!({"serial_number": null, "brand": ""}));
    assert_eq!(api.post(&json!([row, row, row])).status, 201);
    assert_eq!(api.post(&json!([row])).status, 201);
    assert_eq!(api.database.count("devices WHERE brand IS NULL"), 4);
}

#[test]
fn serial_numbers_are_returned_as_sent() {
    let api = Api::start();
    let sent = [
        "6067E77 (03.01)",
        "$$T02XB1K9",
        "BZ  7e59aa",
        r##"a!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~"##,
        "12345678",
        "12E45678",
        "ＡＢ１２",
    ];
    let rows: Vec<_> = sent
        .iter()
        .map(|serial| device(json!({"serial_number": format!(" \u{FEFF}{serial} ")})))
        .collect();
    let response = api.post(&json!(rows));
    assert_eq!(response.status, 201, "{}", response.text);
    for (index, serial) in sent.iter().enumerate() {
        let created = &response.json()["data"]["devices"][index];
        assert_eq!(&created["serial_number"], serial);
        let id = &created["id"];
        let read = api.get_json(&format!("/devices/{id}"));
        assert_eq!(&read["data"]["serial_number"], serial);
        let escaped = percent_encode(serial);
        for parameter in ["serial_number", "search"] {
            let found = api.get_json(&format!("/devices?{parameter}={escaped}"));
            let mut found = found["data"].as_array().unwrap().iter();
            assert!(
                found.any(|device| &device["id"] == id),
                "{parameter} {serial}"
            );
        }
    }
}

#[test]
fn comment_keeps_its_lines() {
    let api = Api::start();
    let id =
        api.create_device(json!({"comment": "\u{FEFF}\r\nLent out\r\n\r\n\tto Ada\rsince May\n"}));
    let path = format!("/devices/{id}");
    let stored = "Lent out\n\n\tto Ada\nsince May";
    assert_eq!(api.get_json(&path)["data"]["comment"], stored);
    for search in ["since+lent", "out+ada", "ada since may"] {
        let found = api.get_json(&format!("/devices?search={search}"));
        assert_eq!(found["meta"]["total"], 1, "{search}");
    }
    let patched = api.send("PATCH", &path, &json!({"comment": "back\r\nagain"}));
    assert_eq!(patched.json()["data"]["comment"], "back\nagain");
}

#[test]
fn amounts_with_four_decimals_are_accepted() {
    let api = Api::start();
    for (sent, stored) in [
        ("1299.0000", "1299.00"),
        ("200,0000", "200.00"),
        ("129.5000", "129.50"),
    ] {
        let id = api.create_device(json!({"client_purchase_price": sent}));
        let read = api.get_json(&format!("/devices/{id}"));
        assert_eq!(read["data"]["client_purchase_price"], stored);
    }
}

#[test]
fn date_of_year_one_is_absent() {
    let api = Api::start();
    let never = "0001-01-01T00:00:00Z";
    let id = api.create_device(json!({
        "client_purchase_date": "2021-03-29T12:44:12.595+0000",
        "client_warranty_endDate": "0001-01-01",
        "client_rental_startDate": "2024-05-31 10:00+02",
        "client_rental_endDate": never,
    }));
    let path = format!("/devices/{id}");
    let read = api.get_json(&path)["data"].clone();
    assert_eq!(read["client_purchase_date"], "2021-03-29");
    assert_eq!(read["client_warranty_endDate"], Value::Null);
    assert_eq!(read["client_rental_startDate"], "2024-05-31");
    assert_eq!(read["client_rental_endDate"], Value::Null);
    let cleared = api.send("PATCH", &path, &json!({"client_purchase_date": never}));
    assert_eq!(cleared.status, 200, "{}", cleared.text);
    assert_eq!(cleared.json()["data"]["client_purchase_date"], Value::Null);
}

#[test]
fn byte_order_marks_are_trimmed() {
    let api = Api::start();
    let id = api.create_device(json!({
        "name": "\u{FEFF}XPS 13\u{FEFF} ", "brand": "\u{FEFF}", "color": " \u{FEFF}red",
        "compliance": ["\u{FEFF}CE"], "connection_type": "\u{FEFF}", "serial_number": "\u{FEFF}",
        "client_purchase_price": "\u{FEFF}5", "client_purchase_date": "\u{FEFF}2024-05-31",
        "lifecycle": "\u{FEFF}IN_MAINTENANCE", "user_email": "\u{FEFF}", "has_webcam": "\u{FEFF}",
        "user_id": "\u{FEFF}",
    }));
    let stored = api.get_json(&format!("/devices/{id}"))["data"].clone();
    for (field, expected) in [
        ("name", json!("XPS 13")),
        ("brand", Value::Null),
        ("serial_number", Value::Null),
        ("client_purchase_price", json!("5.00")),
        ("client_purchase_date", json!("2024-05-31")),
        ("client_status", json!("IN_MAINTENANCE")),
        ("user_id", Value::Null),
    ] {
        assert_eq!(stored[field], expected, "{field}");
    }
    let characteristics = &stored["characteristics"];
    assert_eq!(characteristics["color"], "red");
    assert_eq!(characteristics["compliance"], json!(["CE"]));
    assert_eq!(characteristics["connection_type"], json!([]));
}

#[test]
fn serial_number_of_deleted_device_is_reusable() {
    let api = Api::start();
    let batch = json!([device(json!({"serial_number": "SN1"}))]);
    assert_eq!(api.post(&batch).status, 201);
    api.database
        .execute("UPDATE devices SET deleted_at = now()");
    assert_eq!(api.post(&batch).status, 201);
    assert_eq!(api.database.count("devices"), 2);
}

#[test]
fn serial_numbers_are_unique_per_workspace() {
    let api = Api::start();
    api.create_workspace("globex");
    let other = api.create_key("globex", "WRITE");
    let batch = json!([device(json!({"serial_number": "SN1"}))]);
    assert_eq!(api.post(&batch).status, 201);
    assert_eq!(api.post_as(&other, &batch).status, 201);
}

#[test]
fn lenient_handling_ignores_unknown_fields() {
    let api = Api::start();
    let lenient = |body: &Value| {
        let request = api.request("POST", "/devices").bearer_auth(&api.key);
        send(request.header("Prefer", "handling=lenient").json(body))
    };
    let sent = json!({"devices": [device(json!({"mac_address": {"en0": []}}))]});
    let response = lenient(&sent);
    assert_eq!(response.status, 201, "{}", response.text);
    assert_eq!(response.header("preference-applied"), "handling=lenient");

    let response = lenient(&json!({"devices": [device(json!({"color": 7, "x": 1}))]}));
    assert_eq!(response.status, 400);
    let expected = (json!(0), "color".to_owned(), "wrong_type".to_owned());
    assert_eq!(response.reasons(), [expected]);
    assert_eq!(response.header("preference-applied"), "handling=lenient");
}
