//! Device limits, rate limits and quotas of batches with options.

use devices_tests::{Api, device, run};
use serde_json::{Value, json};

use crate::devices::retry_while_unavailable;

use super::{PARTIAL, SYNC, UPDATE, post, post_ok, reasons, results};

fn api_with_limit(limit: &str) -> Api {
    let api = Api::start();
    let arguments = ["workspace", "limit", "acme", "--devices", limit];
    assert_eq!(run(&api.database, &arguments).code, 0);
    api
}

fn serial_numbers(numbers: std::ops::Range<usize>) -> Value {
    let rows = numbers.map(|number| device(json!({"serial_number": format!("S{number}")})));
    rows.collect()
}

#[test]
fn rows_take_the_remaining_places_in_order() {
    let api = api_with_limit("3");
    post_ok(&api, SYNC, &serial_numbers(0..1));
    let mut rows = serial_numbers(0..4);
    rows[0]["comment"] = json!("changed");
    rows[1]["name"] = Value::Null;
    let rows = json!([
        rows[0],
        rows[1],
        rows[2],
        rows[3],
        device(json!({"serial_number": "S9"}))
    ]);
    let data = post_ok(&api, SYNC, &rows);
    assert_eq!(
        results(&data),
        ["updated", "failed", "created", "created", "failed"]
    );
    assert_eq!(reasons(&data["results"][1]), ["required"]);
    assert_eq!(reasons(&data["results"][4]), ["device_limit"]);
    assert_eq!(data["results"][4]["errors"][0]["pointer"], "/devices/4");
    assert_eq!(api.database.count("devices"), 3);
    // A full workspace accepts changes.
    let rows = json!([{"serial_number": "S0", "comment": "again"}]);
    assert_eq!(results(&post_ok(&api, UPDATE, &rows)), ["updated"]);
}

#[test]
fn atomic_batch_over_the_limit_is_rejected() {
    let api = api_with_limit("2");
    post_ok(&api, PARTIAL, &serial_numbers(0..1));
    let response = post(&api, UPDATE, &serial_numbers(0..3));
    assert_eq!(response.status, 400);
    assert_eq!(response.json()["error"], "DEVICE_PROVISIONING_FAILED");
    assert_eq!(api.database.count("devices"), 1);
    // Only created rows count.
    assert_eq!(post(&api, UPDATE, &serial_numbers(0..2)).status, 200);
}

#[test]
fn racing_batches_never_exceed_the_limit() {
    let api = api_with_limit("10");
    let responses = devices_tests::race(6, |racer| {
        let rows = serial_numbers(racer * 5..racer * 5 + 5);
        retry_while_unavailable(|| post(&api, PARTIAL, &rows))
    });
    let created = responses.iter().map(|response| {
        assert_eq!(response.status, 207, "{}", response.text);
        let data = &response.json()["data"];
        results(data)
            .iter()
            .filter(|result| **result == "created")
            .count()
    });
    assert_eq!(created.sum::<usize>(), 10);
    assert_eq!(api.database.count("devices"), 10);
}
