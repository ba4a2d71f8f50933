//! Requests of an undo: parameters, bodies, scopes, and lost connections.

use devices_tests::{Api, ProxyMode, TestDatabase};
use serde_json::json;

use super::{active_devices, create_plain_batch, effect, succeeded, undo};

#[test]
fn undo_has_no_body_or_an_empty_object() {
    let api = Api::start();
    let (path, devices) = create_plain_batch(&api, 1);
    let undo = format!("{path}/undo");
    for (body, field) in [
        (json!({"include_changed": true}), "include_changed"),
        (json!([]), ""),
        (json!(null), ""),
    ] {
        let response = api.send("POST", &undo, &body);
        assert_eq!(response.status, 400, "{body}: {}", response.text);
        assert_eq!(response.reasons()[0].1, field, "{body}");
    }
    assert_eq!(api.send_text("POST", &undo, "nonsense").status, 400);
    assert_eq!(active_devices(&api), devices);
    let undone = succeeded(&api.send("POST", &undo, &json!({})));
    assert_eq!(undone, effect(&path, &devices, &[]));
}

#[test]
fn unknown_and_malformed_parameters_are_rejected() {
    let api = Api::start();
    let (path, devices) = create_plain_batch(&api, 1);
    for (query, field, reason) in [
        ("include_change=true", "include_change", "unknown_field"),
        ("include_changed=yes", "include_changed", "not_in_enum"),
        ("include_changed=", "include_changed", "not_in_enum"),
        ("include_changed", "include_changed", "not_in_enum"),
        (
            "include_changed=true&include_changed=true",
            "include_changed",
            "repeated_field",
        ),
        ("dry_run=true", "dry_run", "unknown_field"),
    ] {
        for method in ["GET", "POST"] {
            let response = api.call(method, &format!("{path}/undo?{query}"));
            response.assert_parameter_rejected(field, reason, query);
        }
    }
    // The query is rejected before the body is read.
    let response = api.send_text("POST", &format!("{path}/undo?dry_run=1"), "nonsense");
    assert_eq!(response.reasons()[0].1, "dry_run");
    assert_eq!(active_devices(&api), devices);
}

#[test]
fn read_key_previews_but_does_not_undo() {
    let api = Api::start();
    let (path, devices) = create_plain_batch(&api, 1);
    let read = api.create_key("acme", "READ");
    let preview = api.call_as(&read, "GET", &format!("{path}/undo"));
    assert_eq!(succeeded(&preview), effect(&path, &devices, &[]));
    let undo = api.call_as(&read, "POST", &format!("{path}/undo"));
    undo.assert_error(403, "INSUFFICIENT_SCOPE");
    for path in ["/batches", &path] {
        assert_eq!(api.call_as(&read, "GET", path).status, 200);
    }
    assert_eq!(active_devices(&api), devices);
}

#[test]
fn undo_lost_after_its_commit_returns_200() {
    let (api, proxy) = Api::behind_proxy(TestDatabase::new(), 1_000);
    let (path, devices) = create_plain_batch(&api, 3);
    proxy.set_mode(ProxyMode::DisconnectAfterCommit {
        stay_disconnected: false,
    });
    assert_eq!(undo(&api, &path), effect(&path, &devices, &[]));
    assert_eq!(proxy.mode(), ProxyMode::Forward);
    assert_eq!(active_devices(&api), [0; 0]);
    assert_eq!(api.database.count("device_events"), 3);
}

#[test]
fn undo_lost_before_its_commit_returns_503() {
    let (api, proxy) = Api::behind_proxy(TestDatabase::new(), 1_000);
    let (path, devices) = create_plain_batch(&api, 3);
    proxy.set_mode(ProxyMode::DisconnectBeforeCommit);
    let response = api.call("POST", &format!("{path}/undo"));
    response.assert_error(503, "SERVICE_UNAVAILABLE");
    assert_eq!(proxy.mode(), ProxyMode::Forward);
    assert_eq!(active_devices(&api), devices);
    assert_eq!(api.database.count("device_events"), 1);
    assert_eq!(undo(&api, &path), effect(&path, &devices, &[]));
}

/// Returns the number of statements that an undo of a batch of this size takes.
fn statements_of_undo(api: &Api, size: usize) -> usize {
    let (path, _) = create_plain_batch(api, size);
    let undo = || api.call("POST", &format!("{path}/undo"));
    let (response, statements) = api.server.statements_during(undo);
    assert_eq!(response.status, 200, "{}", response.text);
    let tables = [
        "devices",
        "device_events",
        "usage_changes",
        "BEGIN",
        "COMMIT",
    ];
    statements
        .into_iter()
        .filter(|line| tables.iter().any(|table| line.contains(table)))
        .filter(|line| !line.contains("nextval"))
        .count()
}

#[test]
fn undo_takes_a_constant_number_of_statements() {
    let api = Api::start();
    api.wait_for_startup_jobs();
    for size in [1, 20, 500] {
        assert_eq!(statements_of_undo(&api, size), 7, "{size}");
    }
}
