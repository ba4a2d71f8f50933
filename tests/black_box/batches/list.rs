//! `GET /batches` and `GET /batches/{batch_id}`.

use devices_tests::{Api, Response, device, ids};
use serde_json::{Value, json};

use super::{create_plain_batch, number, succeeded};

/// Returns the numbers of the listed batches.
fn numbers(response: &Response) -> Vec<i64> {
    ids(&succeeded(response))
}

#[test]
fn plain_batch_has_default_options() {
    let api = Api::start();
    let response = api.post(&json!([device(json!({})), device(json!({}))]));
    let path = response.header("location");
    let batch = api.get_json(path)["data"].clone();
    let device = response.created_devices()[1]["id"].clone();
    let device = api.get_json(&format!("/devices/{device}"))["data"].clone();
    let expected = json!({
        "id": number(path), "created_at": device["created_at"],
        "key": {"id": 1, "name": "test"}, "request_id": response.header("x-request-id"),
        "on_conflict": "error", "atomic": true,
        "rows": 2, "created": 2, "updated": 0, "unchanged": 0, "skipped": 0, "failed": 0,
        "undone_at": null, "undone_by": null,
    });
    assert_eq!(batch, expected);
    assert_eq!(api.get_json("/batches")["data"], json!([batch]));
}

#[test]
fn batches_are_listed_newest_first() {
    let api = Api::start();
    let mut created: Vec<i64> = (0..7)
        .map(|_| number(&create_plain_batch(&api, 1).0))
        .collect();
    created.reverse();
    let listed: Vec<i64> = api
        .pages("/batches?limit=3")
        .flat_map(|page| {
            assert_eq!(page.json()["meta"]["total"], 7);
            numbers(&page)
        })
        .collect();
    assert_eq!(listed, created);
    let offset = api.page("/batches?limit=2&offset=4");
    assert_eq!(numbers(&offset), created[4..6]);
    let prefixed = api.page("/platform/v1/batches");
    assert_eq!(numbers(&prefixed), created);
}

#[test]
fn list_is_filtered_by_time_and_key() {
    let api = Api::start();
    let nightly = api.create_key("acme", "WRITE");
    let (old, _) = create_plain_batch(&api, 1);
    api.database
        .execute("UPDATE device_events SET occurred_at = '2026-01-31T08:00:00Z'");
    let created = api.post_as(&nightly, &json!([device(json!({}))]));
    let new = created.header("location");
    for (query, expected) in [
        ("since=2026-01-31T08:00:00Z", vec![new, &old]),
        ("since=2026-01-31T08:00:01Z", vec![new]),
        ("since=2026-02-01", vec![new]),
        ("since=9999-01-01", vec![]),
        ("key_id=1", vec![&old]),
        ("key_id=2", vec![new]),
        ("key_id=3", vec![]),
        ("key_id=2&since=2026-01-01", vec![new]),
        ("key_id=1&since=2026-02-01", vec![]),
    ] {
        let expected: Vec<i64> = expected.into_iter().map(number).collect();
        let page = api.page(&format!("/batches?{query}"));
        assert_eq!(numbers(&page), expected, "{query}");
        assert_eq!(page.json()["meta"]["total"], expected.len(), "{query}");
    }
    assert_eq!(
        api.get_json(new)["data"]["key"],
        json!({"id": 2, "name": "test"})
    );
}

#[test]
fn malformed_parameters_are_rejected() {
    let api = Api::start();
    for (path, field, reason) in [
        ("/batches?since=yesterday", "since", "malformed"),
        ("/batches?since=", "since", "malformed"),
        ("/batches?key_id=0", "key_id", "out_of_range"),
        ("/batches?key_id=nightly", "key_id", "malformed"),
        ("/batches?key_id=1&key_id=1", "key_id", "repeated_field"),
        ("/batches?limit=101", "limit", "out_of_range"),
        ("/batches?cursor=abc", "cursor", "malformed"),
        ("/batches?batch_id=1", "batch_id", "unknown_field"),
        ("/batches/1?since=2026-01-31", "since", "unknown_field"),
        ("/batches/x", "batch_id", "malformed"),
        ("/batches/017", "batch_id", "malformed"),
        ("/batches/x/undo", "batch_id", "malformed"),
    ] {
        let response = api.call("GET", path);
        assert_eq!(response.status, 400, "{path}: {}", response.text);
        let expected = (Value::Null, field.to_owned(), reason.to_owned());
        assert_eq!(response.reasons(), [expected], "{path}");
    }
}

#[test]
fn other_events_are_no_batches() {
    let api = Api::start();
    let (path, devices) = create_plain_batch(&api, 1);
    let device = format!("/devices/{}", devices[0]);
    let user = api.send("POST", "/users", &json!({"email": "ada@example.com"}));
    assert_eq!(user.status, 201, "{}", user.text);
    let enrollment = json!({"status": "ENROLLED"});
    let put = api.send("PUT", "/mdm/enrollments/SN-1", &enrollment);
    assert_eq!(put.status, 201, "{}", put.text);
    super::patch(&api, devices[0], &json!({"color": "Silver"}));
    succeeded(&api.call("DELETE", &device));
    assert_eq!(numbers(&api.page("/batches")), [number(&path)]);
    let events = api.database.texts("SELECT id FROM device_events");
    assert_eq!(events.len(), 5);
    let numbers = events.iter().filter(|event| !path.ends_with(*event));
    for number in numbers.chain([&"999".to_owned(), &i64::MAX.to_string()]) {
        for (method, path) in [("GET", ""), ("GET", "/undo"), ("POST", "/undo")] {
            let response = api.call(method, &format!("/batches/{number}{path}"));
            response.assert_error(404, "BATCH_NOT_FOUND");
        }
    }
}

#[test]
fn foreign_batch_equals_an_unknown_one() {
    let api = Api::start();
    api.create_workspace("globex");
    let globex = api.create_key("globex", "WRITE");
    let (path, devices) = create_plain_batch(&api, 2);
    let unknown = format!("/batches/{}", number(&path) + 500);
    for (method, suffix) in [("GET", ""), ("GET", "/undo"), ("POST", "/undo")] {
        let [foreign, unknown] = [&path, &unknown].map(|path| {
            api.call_as(&globex, method, &format!("{path}{suffix}"))
                .comparable()
        });
        assert_eq!(foreign.0, 404);
        assert_eq!(foreign, unknown);
    }
    let [foreign, unknown] = [&path, &unknown].map(|path| {
        let path = format!("/devices?batch_id={}", number(path));
        api.call_as(&globex, "GET", &path).json()
    });
    assert_eq!(foreign, unknown);
    assert_eq!(foreign["meta"]["total"], 0);
    assert_eq!(
        api.call_as(&globex, "GET", "/batches").json()["meta"]["total"],
        0
    );
    assert_eq!(super::active_devices(&api), devices);
}

#[test]
fn batch_of_purged_event_is_unknown() {
    let api = Api::start();
    let (path, devices) = create_plain_batch(&api, 1);
    api.database.execute("DELETE FROM device_events");
    for (method, suffix) in [("GET", ""), ("GET", "/undo"), ("POST", "/undo")] {
        let response = api.call(method, &format!("{path}{suffix}"));
        response.assert_error(404, "BATCH_NOT_FOUND");
    }
    assert_eq!(super::active_devices(&api), devices);
}

#[test]
fn wrong_methods_return_405() {
    let api = Api::start();
    let (path, _) = create_plain_batch(&api, 1);
    for (method, path, allowed) in [
        ("POST", "/batches".to_owned(), "GET, HEAD"),
        ("DELETE", path.clone(), "GET, HEAD"),
        ("DELETE", format!("{path}/undo"), "GET, HEAD, POST"),
    ] {
        let response = api.call(method, &path);
        response.assert_error(405, "METHOD_NOT_ALLOWED");
        assert_eq!(response.header("allow"), allowed);
    }
}
