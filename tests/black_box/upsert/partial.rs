//! `atomic=false`: the rows that pass are stored.

use devices_tests::{Api, device};
use serde_json::{Value, json};

use super::{PARTIAL, SYNC, post, post_ok, reasons, results};

#[test]
fn valid_rows_are_stored_beside_failed_ones() {
    let api = Api::start();
    api.create_device(device(json!({"serial_number": "TAKEN"})));
    let rows = json!([
        device(json!({"serial_number": "S1"})),
        device(json!({"serial_number": "TAKEN"})),
        "no object",
        {"name": "incomplete"},
        device(json!({})),
    ]);
    let data = post_ok(&api, PARTIAL, &rows);
    assert_eq!(
        results(&data),
        ["created", "failed", "failed", "failed", "created"]
    );
    assert_eq!(reasons(&data["results"][1]), ["already_exists"]);
    assert_eq!(data["results"][1]["errors"][0]["existing_device_id"], 1);
    assert_eq!(reasons(&data["results"][2]), ["wrong_type"]);
    assert_eq!(api.database.count("devices"), 3);
}

#[test]
fn status_is_207_whether_rows_pass_or_fail() {
    let api = Api::start();
    for rows in [json!([device(json!({}))]), json!([{}])] {
        assert_eq!(post(&api, PARTIAL, &rows).status, 207);
    }
}

#[test]
fn first_valid_row_of_a_serial_number_is_stored() {
    let api = Api::start();
    let rows = json!([
        device(json!({"serial_number": "S1", "user_id": "me"})),
        device(json!({"serial_number": "S1", "comment": "second"})),
        device(json!({"serial_number": "s1", "comment": "third"})),
    ]);
    let data = post_ok(&api, SYNC, &rows);
    assert_eq!(results(&data), ["failed", "created", "failed"]);
    assert_eq!(reasons(&data["results"][0]), ["wrong_type"]);
    assert_eq!(reasons(&data["results"][2]), ["duplicate"]);
    assert_eq!(data["results"][2]["errors"][0]["duplicate_of"], 1);
    // In an atomic batch, each repetition is an error.
    let atomic = post(&api, "/devices?on_conflict=skip", &rows).json();
    assert_eq!(atomic["errors_total"], 2, "{atomic}");
}

#[test]
fn errors_of_the_whole_body_reject_the_batch() {
    let api = Api::start();
    let row = device(json!({}));
    for body in [
        json!({"devices": [row], "atomic": false}),
        json!({"devices": []}),
        json!([]),
        json!({"devices": vec![row.clone(); 1_001]}),
    ] {
        let response = api.send("POST", SYNC, &body);
        assert_eq!(response.status, 400, "{}", response.text);
        assert!(response.json()["errors"].is_array());
    }
    assert_eq!(api.send_text("POST", SYNC, "{").status, 400);
    assert_eq!(api.database.count("devices"), 0);
}

#[test]
fn updates_and_creations_are_stored_together() {
    let api = Api::start();
    let serials = |range: std::ops::Range<usize>| {
        let rows = range.map(|number| device(json!({"serial_number": format!("S{number:04}")})));
        rows.collect::<Vec<Value>>()
    };
    assert_eq!(api.post(&json!(serials(0..500))).status, 201);
    let mut rows = serials(0..1_000);
    for row in &mut rows {
        row["comment"] = json!("inventory of May");
    }
    let data = post_ok(&api, SYNC, &json!(rows));
    assert_eq!(data["batch"]["created"], 500);
    assert_eq!(data["batch"]["updated"], 500);
    let commented = api
        .database
        .count("devices WHERE comment = 'inventory of May'");
    assert_eq!(commented, 1_000);
    let again = post_ok(&api, SYNC, &json!(rows));
    assert_eq!(again["batch"]["unchanged"], 1_000);
}
