//! Results of rows, and the records of a batch.

use devices_tests::{Api, device};
use serde_json::{Value, json};

use super::{PARTIAL, SKIP, SYNC, UPDATE, post, post_ok, reasons, results};

#[test]
fn each_row_has_its_result() {
    let api = Api::start();
    let user = api.add_user("acme", "ada@example.com");
    let known = json!([
        device(json!({"serial_number": "S1", "comment": "old"})),
        device(json!({"serial_number": "S2"})),
    ]);
    api.post(&known);
    let rows = json!([
        device(json!({"serial_number": "S3", "row_ref": "A-17", "user_email": "ADA@example.com"})),
        {"serial_number": "s1", "comment": "dock"},
        {"serial_number": "S2", "row_ref": "A-19"},
        {"serial_number": "none", "row_ref": "A-20"},
    ]);
    let data = post_ok(&api, SYNC, &rows);
    assert_eq!(
        results(&data),
        ["created", "updated", "unchanged", "failed"]
    );
    let batch = &data["batch"];
    let id = batch["id"].as_i64().unwrap();
    let expected = json!({"id": id, "rows": 4, "created": 1, "updated": 1, "unchanged": 1,
                          "skipped": 0, "failed": 1});
    assert_eq!(batch, &expected);
    let [created, updated, unchanged, failed] = [0, 1, 2, 3].map(|row| &data["results"][row]);
    assert_eq!(created["row_ref"], "A-17");
    assert_eq!(created["device"]["user"]["id"], user);
    assert_eq!(created["device"]["client_status"], "IN_SERVICE");
    assert_eq!(updated["row_ref"], Value::Null);
    assert_eq!(updated["changed_fields"], json!(["comment"]));
    assert_eq!(updated["device"]["serial_number"], "S1");
    assert_eq!(unchanged["row_ref"], "A-19");
    assert!(unchanged.get("changed_fields").is_none());
    assert_eq!(
        reasons(failed),
        ["required", "required", "required", "placeholder"]
    );
    assert_eq!(failed["errors"][3]["pointer"], "/devices/3/serial_number");
    assert!(failed["errors"][3].get("index").is_none() && failed.get("device").is_none());
    for result in [created, updated, unchanged] {
        let id = &result["device_id"];
        assert_eq!(
            result["device"],
            api.get_json(&format!("/devices/{id}"))["data"]
        );
    }
}

#[test]
fn minimal_representation_omits_devices() {
    let api = Api::start();
    let body = json!({"devices": [device(json!({"serial_number": "S1"}))]});
    let minimal = [("Prefer", "return=minimal, handling=lenient")];
    let response = api.send_with("POST", UPDATE, &minimal, &body);
    assert_eq!(response.status, 200);
    let applied: Vec<_> = response
        .headers
        .get_all("preference-applied")
        .iter()
        .collect();
    assert_eq!(applied, ["return=minimal", "handling=lenient"]);
    assert!(
        response.json()["data"]["results"][0]
            .get("device")
            .is_none()
    );
    // A 201 has its devices.
    let other = json!({"devices": [device(json!({"serial_number": "S2"}))]});
    let plain = api.send_with("POST", "/devices", &[("Prefer", "return=minimal")], &other);
    assert_eq!(plain.status, 201);
    assert_eq!(plain.header("preference-applied"), "");
    assert_eq!(plain.created_devices().as_array().unwrap().len(), 1);
}

#[test]
fn row_ref_is_returned_where_it_was_sent() {
    let api = Api::start();
    let rows = json!([device(json!({"row_ref": "a"})), device(json!({}))]);
    let created = post(&api, "/devices", &rows).created_devices();
    assert_eq!(created[0]["row_ref"], "a");
    assert!(created[1].get("row_ref").is_none());
    let rejected = post(&api, "/devices", &json!([{"row_ref": "b"}, {}])).json();
    assert_eq!(rejected["errors"][0]["row_ref"], "b");
    assert!(rejected["errors"][3].get("row_ref").is_none());
    let patched = api.send(
        "PATCH",
        "/devices/1",
        &json!({"row_ref": "a", "comment": "x"}),
    );
    patched.assert_field_rejected("row_ref", "unknown_field", "PATCH");
}

#[test]
fn events_of_a_batch_are_grouped_by_changed_fields() {
    let api = Api::start();
    let serial = |number: i64| json!({"serial_number": format!("S{number}")});
    api.create_devices((1..=4).map(|number| device(serial(number))));
    let row = |number: i64, fields: Value| {
        let mut row = serial(number);
        row.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        row
    };
    let rows = json!([
        row(1, json!({"comment": "x"})),
        row(2, json!({"comment": "y"})),
        row(3, json!({"comment": "y", "brand": "Dell"})),
        row(4, json!({})),
        device(serial(5)),
    ]);
    let data = post_ok(&api, UPDATE, &rows);
    let events = api.events().split_off(1);
    let seen = events.iter().map(|event| {
        (
            event["action"].as_str().unwrap(),
            event["device_ids"].to_string(),
            event["fields"].to_string(),
        )
    });
    let id = |row: usize| data["results"][row]["device_id"].to_string();
    let seen: Vec<_> = seen.collect();
    assert_eq!(
        seen[0],
        ("CREATED", format!("[{}]", id(4)), "[]".to_owned())
    );
    let both = format!("[{},{}]", id(0), id(1));
    assert!(seen.contains(&("UPDATED", both, r#"["comment"]"#.to_owned())));
    let brand = r#"["brand","comment"]"#.to_owned();
    assert!(seen.contains(&("UPDATED", format!("[{}]", id(2)), brand)));
    assert_eq!(seen.len(), 3);
    let batch = &data["batch"]["id"];
    assert!(events.iter().all(|event| event["batch_id"] == *batch));
    assert_eq!(events[0]["id"], *batch);
}

#[test]
fn batch_that_stores_nothing_has_no_number() {
    let api = Api::start();
    let rows = json!([device(json!({"serial_number": "S1"}))]);
    post(&api, "/devices", &rows);
    for path in [UPDATE, SKIP, PARTIAL] {
        let response = post(&api, path, &rows);
        let data = &response.json()["data"];
        assert_eq!(data["batch"]["id"], Value::Null, "{path}");
        assert_eq!(response.header("location"), "", "{path}");
    }
    assert_eq!(api.database.count("device_events"), 1);
    assert_eq!(api.database.count("batches"), 0);
    let device = api.get_json("/devices/1")["data"].clone();
    assert_eq!(device["created_at"], device["updated_at"]);
}

#[test]
fn batch_of_all_unknown_users_is_404() {
    let api = Api::start();
    let rows = json!([device(json!({"serial_number": "S1", "user_id": 99}))]);
    let response = post(&api, UPDATE, &rows);
    assert_eq!(response.status, 404);
    assert_eq!(response.json()["error"], "INVALID_USER");
    let data = post_ok(&api, SYNC, &rows);
    assert_eq!(reasons(&data["results"][0]), ["unknown_user"]);
}

#[test]
fn feed_is_in_order_if_the_clock_was_set_back() {
    let api = Api::start();
    let rows = json!([{"serial_number": "S1"}, {"serial_number": "S2"}]);
    api.create_devices(rows.as_array().unwrap().clone());
    // The second device was changed when the clock was an hour ahead.
    api.database.execute(
        "UPDATE devices SET updated_at = now() + interval '1 hour' \
         WHERE workspace_id = 1 AND serial_number = 'S2'",
    );
    let changed = json!([
        {"serial_number": "S1", "comment": "sync"},
        {"serial_number": "S2", "comment": "sync"},
    ]);
    assert_eq!(
        results(&post_ok(&api, UPDATE, &changed)),
        ["updated", "updated"]
    );
    let patch = api.send("PATCH", "/devices/1", &json!({"brand": "Dell"}));
    assert_eq!(patch.status, 200);
    let feed = api.get_json("/events?type=device.updated");
    let fields = feed["data"].as_array().unwrap().iter();
    let fields: Vec<_> = fields.map(|event| event["fields"].to_string()).collect();
    assert_eq!(fields, [r#"["comment"]"#, r#"["brand"]"#]);
}
