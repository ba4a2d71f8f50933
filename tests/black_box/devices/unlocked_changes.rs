//! Changes of devices without a transaction: their statement commits by itself.

use devices_tests::{AUTOCOMMIT, Api, Proxy, ProxyMode, Response, TestDatabase, device};
use serde_json::json;

/// Starts a server that connects to a database through a proxy, and creates a device.
fn api_with_device() -> (Api, Proxy) {
    let (api, proxy) = Api::behind_proxy(TestDatabase::new(), 1_000);
    assert_eq!(api.post(&json!([device(json!({}))])).status, 201);
    (api, proxy)
}

#[test]
fn change_lost_after_its_commit_returns_200() {
    let (api, proxy) = api_with_device();
    proxy.set_mode(ProxyMode::DisconnectAfterCommit {
        stay_disconnected: false,
    });
    // The proxy recognises the statement by the comment.
    let response = api.send("PATCH", "/devices/1", &json!({"comment": AUTOCOMMIT}));
    assert_eq!(response.status, 200, "{}", response.text);
    assert_eq!(proxy.mode(), ProxyMode::Forward);
    assert_eq!(response.json(), api.get_json("/devices/1"));
    assert_eq!(response.json()["data"]["comment"], AUTOCOMMIT);
    assert_eq!(api.database.count("device_events"), 2);
}

#[test]
fn change_that_never_began_returns_503() {
    let (api, proxy) = api_with_device();
    proxy.set_mode(ProxyMode::DisconnectBeforeCommit);
    let response = api.send("PATCH", "/devices/1", &json!({"comment": AUTOCOMMIT}));
    assert_eq!(response.status, 503, "{}", response.text);
    assert_eq!(response.json(), json!({"error": "SERVICE_UNAVAILABLE"}));
    assert_ne!(api.get_json("/devices/1")["data"]["comment"], AUTOCOMMIT);
    assert_eq!(api.database.count("device_events"), 1);
}

/// Returns the statements that the server sent during `request`, without those of its jobs.
fn statements(api: &Api, request: impl FnOnce() -> Response) -> Vec<String> {
    let (response, statements) = api.server.statements_during(request);
    assert_eq!(response.status, 200, "{}", response.text);
    let tables = ["devices", "device_events", "BEGIN", "COMMIT"];
    statements
        .into_iter()
        .filter(|line| tables.iter().any(|table| line.contains(table)))
        .filter(|line| !line.contains("nextval"))
        .collect()
}

#[test]
fn get_takes_one_statement_and_patch_two() {
    let api = Api::start();
    api.wait_for_startup_jobs();
    assert_eq!(api.post(&json!([device(json!({}))])).status, 201);
    let get = statements(&api, || api.call("GET", "/devices/1"));
    assert_eq!(get.len(), 1, "{get:#?}");
    let patch = statements(&api, || {
        api.send("PATCH", "/devices/1", &json!({"color": "Silver"}))
    });
    assert_eq!(patch.len(), 2, "{patch:#?}");
}
