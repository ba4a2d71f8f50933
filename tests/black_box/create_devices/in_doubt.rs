//! Small batches without an idempotency key, whose statement commits by itself, and the connection
//! is lost.

use devices_tests::{AUTOCOMMIT, Api, ProxyMode, Response, TestDatabase, device};
use serde_json::{Value, json};

/// Devices whose statement the proxy recognises.
fn devices(count: usize) -> Value {
    let device = |number| {
        device(json!({
            "serial_number": format!("SN-{number}"), "comment": AUTOCOMMIT,
            "compliance": ["CE", "a \"b\" \\ {c},"], "tags": ["NULL", "x y"],
            "attributes": {"Room": "B 12"},
        }))
    };
    (0..count).map(device).collect()
}

#[test]
fn statement_lost_after_its_commit_returns_201() {
    for count in [1_usize, 7, 10] {
        let (api, proxy) = Api::behind_proxy(TestDatabase::new(), 1_000);
        proxy.set_mode(ProxyMode::DisconnectAfterCommit {
            stay_disconnected: false,
        });
        let response = api.post(&devices(count));
        assert_eq!(response.status, 201, "{}", response.text);
        assert_eq!(proxy.mode(), ProxyMode::Forward);
        assert_eq!(api.database.count("devices"), count as u64);
        let created = response.json()["data"]["devices"][count - 1].clone();
        let path = format!("/devices/{}", created["id"]);
        let stored = api.get_json(&path)["data"].clone();
        let sent = &devices(count)[count - 1];
        assert_eq!(stored["tags"], sent["tags"]);
        assert_eq!(stored["attributes"], sent["attributes"]);
        for field in ["serial_number", "characteristics"] {
            assert_eq!(stored[field], created[field], "{field}");
        }
        assert_eq!(created["characteristics"]["compliance"], sent["compliance"]);
    }
}

/// Posts devices, and disconnects while their statement commits. That takes 1.5 seconds and ends
/// with `at_commit`. Returns the response and the number of stored devices.
#[track_caller]
fn post_while_committing(devices: &Value, at_commit: &str) -> (Response, u64) {
    let database = TestDatabase::new();
    database.run_at_commit(&format!("PERFORM pg_sleep(1.5); {at_commit}"));
    let (api, proxy) = Api::behind_proxy(database, 5_000);
    proxy.set_mode(ProxyMode::DisconnectDuringCommit);
    let response = api.post(devices);
    // Otherwise, the proxy has not recognised the statement.
    assert_eq!(proxy.mode(), ProxyMode::Forward);
    (response, api.database.count("devices"))
}

#[test]
fn statement_that_still_runs_is_awaited() {
    let (response, stored) = post_while_committing(&devices(2), "");
    assert_eq!(response.status, 201, "{}", response.text);
    assert_eq!(stored, 2);
}

#[test]
fn statement_that_rolls_back_later_returns_503() {
    let (response, stored) = post_while_committing(&devices(1), "RAISE 'rejected';");
    assert_eq!(response.status, 503, "{}", response.text);
    assert_eq!(response.json(), json!({"error": "SERVICE_UNAVAILABLE"}));
    assert_eq!(stored, 0);
}

/// Makes the sequence of events return an id that another event has, as it can after a crash.
fn rewind_event_ids(api: &Api) {
    api.database.execute(
        "INSERT INTO device_events (workspace_id, id, action, key_id, request_id, device_ids) \
         SELECT workspace_id, 5001, action, key_id, 'other request', device_ids FROM device_events",
    );
    api.set_next_id("device_events_id_seq", 5_001);
}

#[test]
fn statement_that_never_began_returns_503() {
    let (api, proxy) = Api::behind_proxy(TestDatabase::new(), 1_000);
    assert_eq!(api.post(&json!([device(json!({}))])).status, 201);
    rewind_event_ids(&api);
    proxy.set_mode(ProxyMode::DisconnectBeforeCommit);
    let response = api.post(&devices(1));
    assert_eq!(response.status, 503, "{}", response.text);
    assert_eq!(response.json(), json!({"error": "SERVICE_UNAVAILABLE"}));
    assert_eq!(api.database.count("devices"), 1);
    assert_eq!(api.post(&devices(1)).status, 201);
}

#[test]
fn reserved_id_that_is_taken_is_replaced() {
    let api = Api::start();
    assert_eq!(api.post(&json!([device(json!({}))])).status, 201);
    rewind_event_ids(&api);
    assert_eq!(api.post(&devices(1)).status, 201);
    assert_eq!(api.database.count("devices"), 2);
}

#[test]
fn unresolved_statement_returns_503_that_says_so() {
    let (api, proxy) = Api::behind_proxy(TestDatabase::new(), 300);
    proxy.set_mode(ProxyMode::DisconnectAfterCommit {
        stay_disconnected: true,
    });
    let response = api.post(&devices(1));
    assert_eq!(response.status, 503);
    let body = response.json();
    let message = body["message"].as_str().unwrap();
    assert!(message.contains("may have been stored"), "{message}");
}
