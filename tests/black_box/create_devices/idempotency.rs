//! `Idempotency-Key`: a repeated request is stored once.

use devices_tests::{Api, ProxyMode, Response, ServerOptions, TestDatabase, device, run, send};
use serde_json::{Value, json};

fn rows() -> Value {
    json!([device(json!({"serial_number": "SN-1"})), device(json!({}))])
}

/// Posts these devices with an idempotency key.
fn post(api: &Api, key: &str, devices: &Value) -> Response {
    post_to(api, "/devices", &api.key, &[key.as_bytes()], devices)
}

fn post_to(api: &Api, path: &str, secret: &str, keys: &[&[u8]], devices: &Value) -> Response {
    let mut request = api.request("POST", path).bearer_auth(secret);
    for key in keys {
        request = request.header("Idempotency-Key", *key);
    }
    send(request.json(&json!({ "devices": devices })))
}

fn assert_replayed(response: &Response, first: &Response) {
    assert_eq!((response.status, &response.text), (201, &first.text));
    assert_eq!(response.header("idempotent-replayed"), "true");
    assert_eq!(first.header("idempotent-replayed"), "");
    for name in ["content-type", "location"] {
        assert_eq!(response.header(name), first.header(name));
    }
}

#[test]
fn repeated_request_is_replayed() {
    let api = Api::start();
    let first = post(&api, "job-number-1", &rows());
    assert_eq!(first.status, 201);
    assert_replayed(&post(&api, "job-number-1", &rows()), &first);
    // The vendor prefix is the same operation, and a quoted key equals an unquoted one.
    let quoted = post_to(
        &api,
        "/platform/v1/devices",
        &api.key,
        &[b"\"job-number-1\""],
        &rows(),
    );
    assert_replayed(&quoted, &first);
    assert_eq!(api.database.count("devices"), 2);
    assert_eq!(api.database.count("device_events"), 1);
}

#[test]
fn replay_of_earlier_version_has_no_location() {
    let api = Api::start();
    let first = post(&api, "job-number-1", &rows());
    let batch = api.database.texts("SELECT id FROM device_events");
    assert_eq!(first.header("location"), format!("/batches/{}", batch[0]));
    api.database
        .execute("UPDATE idempotency_keys SET batch_id = NULL");
    let replay = post(&api, "job-number-1", &rows());
    assert_eq!((replay.status, &replay.text), (201, &first.text));
    assert_eq!(replay.header("location"), "");
}

#[test]
fn replay_ignores_changed_limits() {
    let api = Api::start();
    let first = post(&api, "job-number-1", &rows());
    let Api {
        server,
        database,
        key,
        ..
    } = api;
    drop(server);
    let options = ServerOptions::with("DEVICES__LIMITS__MAX_DEVICES_PER_BATCH", 1);
    let api = Api::resume(database, key, &options);
    assert_replayed(&post(&api, "job-number-1", &rows()), &first);
}

#[test]
fn key_reuse_with_other_body_returns_422() {
    let api = Api::start();
    assert_eq!(post(&api, "job-number-1", &rows()).status, 201);
    for other in [json!([device(json!({}))]), json!([]), json!("nonsense")] {
        let response = post(&api, "job-number-1", &other);
        assert_eq!(response.status, 422, "{other}");
        assert_eq!(response.json(), json!({"error": "IDEMPOTENCY_KEY_REUSED"}));
    }
    assert_eq!(api.database.count("devices"), 2);
}

#[test]
fn failed_request_leaves_key_unused() {
    let api = Api::start();
    let failed = post(&api, "job-number-1", &json!([device(json!({"name": ""}))]));
    assert_eq!(failed.status, 400);
    assert_eq!(post(&api, "job-number-1", &rows()).status, 201);
    // Conflicts are found in the transaction that stores the key.
    assert_eq!(post(&api, "job-number-2", &rows()).status, 400);
    assert_eq!(api.database.count("idempotency_keys"), 1);
}

#[test]
fn malformed_key_is_rejected() {
    let api = Api::start();
    let longest = "x".repeat(255);
    let too_long = "x".repeat(256);
    let malformed: [&[&[u8]]; 8] = [
        &[b""],
        &[b"two words"],
        &["clé".as_bytes()],
        &[b"\"unclosed"],
        &[b"\"\""],
        &[too_long.as_bytes()],
        &[b"job-number-1", b"job-number-1"],
        &[b"job-number-1", b"job-number-2"],
    ];
    for keys in malformed {
        // The key is rejected before the body is parsed.
        let response = post_to(&api, "/devices", &api.key, keys, &json!("nonsense"));
        assert_eq!(response.status, 400, "{}", response.text);
        let error = response.json()["error"].as_str().unwrap().to_owned();
        assert!(error.contains("Idempotency-Key"), "{error}");
    }
    assert_eq!(api.database.count("devices"), 0);
    assert_eq!(post(&api, &longest, &rows()).status, 201);
}

#[test]
fn keys_are_separate_per_workspace() {
    let api = Api::start();
    api.create_workspace("globex");
    let globex = api.create_key("globex", "WRITE");
    let ours = post(&api, "job-number-1", &json!([device(json!({}))]));
    let theirs = post_to(&api, "/devices", &globex, &[b"job-number-1"], &rows());
    assert_eq!((ours.status, theirs.status), (201, 201));
    assert_eq!(theirs.header("idempotent-replayed"), "");
}

#[test]
fn replay_requires_valid_write_key() {
    let api = Api::start();
    assert_eq!(post(&api, "job-number-1", &rows()).status, 201);
    let read = api.create_key("acme", "READ");
    let response = post_to(&api, "/devices", &read, &[b"job-number-1"], &rows());
    assert_eq!(response.status, 403);
    // Any WRITE key of the workspace may replay the response.
    let other = api.create_key("acme", "WRITE");
    let response = post_to(&api, "/devices", &other, &[b"job-number-1"], &rows());
    assert_eq!(response.header("idempotent-replayed"), "true");
    run(&api.database, &["key", "revoke", "1"]);
    assert_eq!(post(&api, "job-number-1", &rows()).status, 401);
}

#[test]
fn concurrent_request_with_same_key_returns_409() {
    let api = Api::start();
    let blocker = api.lock("devices");
    std::thread::scope(|scope| {
        let first = scope.spawn(|| post(&api, "job-number-1", &rows()));
        api.database.wait_for_blocked_statement();
        let second = post(&api, "job-number-1", &rows());
        assert_eq!((second.status, second.header("retry-after")), (409, "1"));
        assert_eq!(second.json(), json!({"error": "IDEMPOTENCY_KEY_IN_USE"}));
        drop(blocker);
        let first = first.join().unwrap();
        assert_eq!(first.status, 201);
        assert_replayed(&post(&api, "job-number-1", &rows()), &first);
    });
    assert_eq!(api.database.count("devices"), 2);
}

#[test]
fn killed_server_leaves_key_unused() {
    let api = Api::start();
    let blocker = api.lock("devices_mdm");
    std::thread::scope(|scope| {
        let connection_lost = scope.spawn(|| {
            let request = api.request("POST", "/devices").bearer_auth(&api.key);
            let request = request.header("Idempotency-Key", "job-number-1");
            request.json(&json!({ "devices": rows() })).send().is_err()
        });
        api.database.wait_for_blocked_statement();
        api.server.signal("KILL");
        assert!(connection_lost.join().unwrap());
    });
    drop(blocker);
    let api = Api::resume(api.database, api.key, &ServerOptions::default());
    // PostgreSQL ends the transaction of the killed server with a delay.
    let mut response = post(&api, "job-number-1", &rows());
    while response.status == 409 {
        response = post(&api, "job-number-1", &rows());
    }
    assert_eq!(response.status, 201, "{}", response.text);
    assert_eq!(response.header("idempotent-replayed"), "");
    assert_eq!(api.database.count("devices"), 2);
}

#[test]
fn connection_lost_after_commit_returns_201() {
    let (api, proxy) = Api::behind_proxy(TestDatabase::new(), 300);
    proxy.set_mode(ProxyMode::DisconnectAfterCommit {
        stay_disconnected: false,
    });
    let response = post(&api, "job-number-1", &rows());
    assert_eq!(proxy.mode(), ProxyMode::Forward);
    assert_eq!(response.status, 201, "{}", response.text);
    assert_replayed(&post(&api, "job-number-1", &rows()), &response);
    assert_eq!(api.database.count("devices"), 2);
}

#[test]
fn in_doubt_commit_is_awaited() {
    let database = TestDatabase::new();
    // A commit with devices takes 1.5 seconds. No other transaction runs: the one in doubt has the
    // highest transaction id, which PostgreSQL must still report as in progress.
    database.run_at_commit("PERFORM pg_sleep(1.5);");
    let (api, proxy) = Api::behind_proxy(database, 5_000);
    proxy.set_mode(ProxyMode::DisconnectDuringCommit);
    let response = post(&api, "job-number-1", &rows());
    assert_eq!(proxy.mode(), ProxyMode::Forward);
    assert_eq!(response.status, 201, "{}", response.text);
    assert_replayed(&post(&api, "job-number-1", &rows()), &response);
    assert_eq!(api.database.count("devices"), 2);
}

#[test]
fn connection_lost_before_commit_returns_503() {
    let (api, proxy) = Api::behind_proxy(TestDatabase::new(), 300);
    proxy.set_mode(ProxyMode::DisconnectBeforeCommit);
    let response = post(&api, "job-number-1", &rows());
    assert_eq!(response.status, 503, "{}", response.text);
    assert_eq!(response.json(), json!({"error": "SERVICE_UNAVAILABLE"}));
    assert_eq!(api.database.count("devices"), 0);
    let response = post(&api, "job-number-1", &rows());
    assert_eq!(response.status, 201);
    assert_eq!(response.header("idempotent-replayed"), "");
}

#[test]
fn unresolved_commit_returns_503() {
    let (api, proxy) = Api::behind_proxy(TestDatabase::new(), 300);
    proxy.set_mode(ProxyMode::DisconnectAfterCommit {
        stay_disconnected: true,
    });
    let response = post(&api, "job-number-1", &rows());
    assert_eq!(
        (response.status, response.header("retry-after")),
        (503, "1")
    );
    let body = response.json();
    assert_eq!(body["error"], "SERVICE_UNAVAILABLE");
    let message = body["message"].as_str().unwrap();
    assert!(message.contains("may have been stored"), "{message}");
    assert!(
        message.contains("send it again with the same key"),
        "{message}"
    );
    proxy.set_mode(ProxyMode::Forward);
    let mut response = post(&api, "job-number-1", &rows());
    while response.status == 503 {
        response = post(&api, "job-number-1", &rows());
    }
    assert_eq!(response.status, 201);
    assert_eq!(response.header("idempotent-replayed"), "true");
    assert_eq!(api.database.count("devices"), 2);
}
