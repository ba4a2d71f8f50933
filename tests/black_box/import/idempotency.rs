//! Idempotency keys of imports.

use devices_tests::{Api, Form, send};
use serde_json::json;

use super::{HEADER, valid_rows};

const KEY_HEADER: (&str, &str) = ("Idempotency-Key", "import-1");
const KEY: [(&str, &str); 1] = [KEY_HEADER];

#[test]
fn replay_stores_nothing() {
    let api = Api::start();
    let first = api.send_form_with("/devices/import", &KEY, valid_rows(2));
    assert_eq!(first.status, 201, "{}", first.text);
    assert_eq!(first.header("idempotent-replayed"), "");
    let replay = api.send_form_with("/platform/v1/devices/import", &KEY, valid_rows(2));
    assert_eq!((replay.status, &replay.text), (201, &first.text));
    assert_eq!(replay.header("idempotent-replayed"), "true");
    assert_eq!(replay.header("location"), first.header("location"));
    assert_eq!(api.database.count("devices"), 2);
}

#[test]
fn replay_ignores_form_and_file_name() {
    let api = Api::start();
    let file = format!("{HEADER}\nSN-00001,Laptop 00001,laptop,computers\n");
    let form = Form::of_file("a.csv", &file).with_options(&json!({"atomic": false}));
    let first = api.send_form_with("/devices/import", &KEY, form);
    assert_eq!(first.status, 207, "{}", first.text);
    let options = r#"{ "on_conflict": "error",  "atomic":false }"#;
    let body = format!(
        "--other\r\nContent-Disposition: form-data; name=\"options\"\r\n\r\n{options}\r\n\
         --other\r\nContent-Disposition: form-data; name=\"file\"; filename=\"b.csv\"\r\n\r\n\
         {file}\r\n--other--\r\n"
    );
    let request = api.request("POST", "/devices/import").bearer_auth(&api.key);
    let request = request
        .header("Content-Type", "multipart/form-data; boundary=other")
        .header(KEY_HEADER.0, KEY_HEADER.1);
    let replay = send(request.body(body));
    assert_eq!((replay.status, &replay.text), (207, &first.text));
    assert_eq!(replay.header("idempotent-replayed"), "true");
}

#[test]
fn key_of_another_import_is_rejected() {
    let api = Api::start();
    let form = valid_rows(1);
    assert_eq!(
        api.send_form_with("/devices/import", &KEY, form).status,
        201
    );
    let other_options = valid_rows(1).with_options(&json!({"on_conflict": "skip"}));
    for form in [valid_rows(2), other_options] {
        let response = api.send_form_with("/devices/import", &KEY, form);
        response.assert_error(422, "IDEMPOTENCY_KEY_REUSED");
    }
    // The same key for another operation is another request.
    let batch = json!({"devices": [devices_tests::device(json!({}))]});
    assert_eq!(api.send_with("POST", "/devices", &KEY, &batch).status, 201);
}

#[test]
fn rejected_file_does_not_use_up_the_key() {
    let api = Api::start();
    let rejected = Form::of_csv(HEADER, &["SN-00001,,laptop,computers"]);
    let response = api.send_form_with("/devices/import", &KEY, rejected);
    assert_eq!(response.status, 400, "{}", response.text);
    let unreadable = Form::of_file("a.csv", "");
    let response = api.send_form_with("/devices/import", &KEY, unreadable);
    assert_eq!(response.json()["error"], "INVALID_FILE");
    let response = api.send_form_with("/devices/import", &KEY, valid_rows(1));
    assert_eq!(response.status, 201, "{}", response.text);
}

#[test]
fn stored_response_contains_no_values() {
    let api = Api::start();
    api.add_user("acme", "ada@example.com");
    let other = api.add_user("acme", "bob@example.com");
    api.create_device(json!({"serial_number": "PRIVATE-TAKEN"}));
    let header = format!("{HEADER},Purchase Date,Purchase Price,user_id,user_email,Room");
    let row = |serial: &str, rest: &str| format!("{serial},Name PRIVATE,laptop,computers,{rest}");
    let rows = [
        row("PRIVATE-STORED", ",,,,"),
        row("PRIVATE-STORED", ",,,,"),
        row("PRIVATE-TAKEN", ",,,,"),
        row("PRIVATE-1", "31.02.2024,,,,"),
        row("PRIVATE-2", ",PRIVATE,,,"),
        row("PRIVATE-3", ",,987654321,,"),
        row("PRIVATE-4", ",,,PRIVATE@example.com,"),
        row("PRIVATE-5", &format!(",,{other},ada@example.com,")),
        row("PRIVATE-6", ",,PRIVATE,,"),
        row("1.23E+11", ",,,,"),
        format!("PRIVATE-7,{},laptop,computers,,,,,", "PRIVATE".repeat(100)),
        "PRIVATE-8,,laptop,computers,,,,,".to_owned(),
        row("PRIVATE-9", ",#REF!,,,PRIVATE"),
    ];
    let rows: Vec<_> = rows.iter().map(String::as_str).collect();
    let options = json!({"atomic": false, "other_columns": "attributes"});
    let form = Form::of_csv(&header, &rows).with_options(&options);
    let stored = api.send_form_with("/devices/import", &KEY, form);
    assert_eq!(stored.status, 207, "{}", stored.text);
    let batch = &stored.json()["data"]["batch"];
    assert_eq!(batch["created"], 1, "{}", stored.text);
    assert_eq!(batch["failed"], 12, "{}", stored.text);
    let outcomes = api
        .database
        .texts("SELECT convert_from(outcome, 'UTF8') FROM idempotency_keys");
    assert_eq!(outcomes.len(), 1);
    for text in [&outcomes[0], &stored.text] {
        assert!(text.contains("\"batch\""), "{text}");
        for message in [
            "is not the id of a user of this workspace\"",
            "is the address of another user than `user_id`: send one of them\"",
        ] {
            assert!(text.contains(message), "{text}");
        }
        for value in ["PRIVATE", "987654321", "1.23E+11", "31.02.2024"] {
            assert!(!text.contains(value), "{value}: {text}");
        }
    }
}
