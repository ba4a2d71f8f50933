//! Never twice: `Idempotency-Key`.

use devices_tests::{
    Answer, Api, Proxy, ServerOptions, TestDatabase, Treatment, device, run, send,
};
use serde_json::{Value, json};

fn rows() -> Value {
    json!([device(json!({"serial_number": "SN-1"})), device(json!({}))])
}

/// Posts these devices under a key.
fn post(api: &Api, key: &str, devices: &Value) -> Answer {
    post_to(api, "/devices", &api.key, &[key.as_bytes()], devices)
}

fn post_to(api: &Api, path: &str, secret: &str, keys: &[&[u8]], devices: &Value) -> Answer {
    let mut request = api.request("POST", path).bearer_auth(secret);
    for key in keys {
        request = request.header("Idempotency-Key", *key);
    }
    send(request.json(&json!({ "devices": devices })))
}

fn assert_replayed(answer: &Answer, first: &Answer) {
    assert_eq!((answer.status, &answer.text), (201, &first.text));
    assert_eq!(answer.header("idempotent-replayed"), "true");
    assert_eq!(first.header("idempotent-replayed"), "");
    assert_eq!(answer.header("content-type"), first.header("content-type"));
}

#[test]
fn a_request_that_is_sent_again_is_answered_again_and_not_carried_out_again() {
    let api = Api::start();
    let first = post(&api, "job-number-1", &rows());
    assert_eq!(first.status, 201);
    assert_replayed(&post(&api, "job-number-1", &rows()), &first);
    // The vendor's path leads to the same operation, and a quoted key is the same key.
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
fn the_answer_is_remembered_although_the_rules_have_changed_since() {
    let api = Api::start();
    let first = post(&api, "job-number-1", &rows());
    let Api {
        server,
        database,
        key,
        ..
    } = api;
    drop(server);
    let options = ServerOptions::with("DEVICES__LIMITS__DEVICES_PER_BATCH", 1);
    let api = Api::resume(database, key, &options);
    assert_replayed(&post(&api, "job-number-1", &rows()), &first);
}

#[test]
fn another_body_under_the_same_key_is_a_422() {
    let api = Api::start();
    assert_eq!(post(&api, "job-number-1", &rows()).status, 201);
    for other in [json!([device(json!({}))]), json!([]), json!("nonsense")] {
        let answer = post(&api, "job-number-1", &other);
        assert_eq!(answer.status, 422, "{other}");
        assert_eq!(answer.json(), json!({"error": "IDEMPOTENCY_KEY_REUSED"}));
    }
    assert_eq!(api.database.count("devices"), 2);
}

#[test]
fn only_success_is_remembered() {
    let api = Api::start();
    let refused = post(&api, "job-number-1", &json!([device(json!({"name": ""}))]));
    assert_eq!(refused.status, 400);
    assert_eq!(post(&api, "job-number-1", &rows()).status, 201);
    // Conflicts are found in the transaction that would remember.
    assert_eq!(post(&api, "job-number-2", &rows()).status, 400);
    assert_eq!(api.database.count("idempotency_keys"), 1);
}

#[test]
fn a_key_that_is_none_is_refused_before_any_work() {
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
        // Not even the body is looked at.
        let answer = post_to(&api, "/devices", &api.key, keys, &json!("nonsense"));
        assert_eq!(answer.status, 400, "{}", answer.text);
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(error.contains("Idempotency-Key"), "{error}");
    }
    assert_eq!(api.database.count("devices"), 0);
    assert_eq!(post(&api, &longest, &rows()).status, 201);
}

#[test]
fn another_workspaces_key_is_another_key() {
    let api = Api::start();
    api.create_workspace("globex");
    let globex = api.create_key("globex", "WRITE");
    let ours = post(&api, "job-number-1", &json!([device(json!({}))]));
    let theirs = post_to(&api, "/devices", &globex, &[b"job-number-1"], &rows());
    assert_eq!((ours.status, theirs.status), (201, 201));
    assert_eq!(theirs.header("idempotent-replayed"), "");
}

#[test]
fn a_replay_needs_a_key_that_works_and_may_write() {
    let api = Api::start();
    assert_eq!(post(&api, "job-number-1", &rows()).status, 201);
    let read = api.create_key("acme", "READ");
    let answer = post_to(&api, "/devices", &read, &[b"job-number-1"], &rows());
    assert_eq!(answer.status, 403);
    // Whoever has another key of the workspace may ask for what it was answered.
    let other = api.create_key("acme", "WRITE");
    let answer = post_to(&api, "/devices", &other, &[b"job-number-1"], &rows());
    assert_eq!(answer.header("idempotent-replayed"), "true");
    run(&api.database, &["key", "revoke", "1"]);
    assert_eq!(post(&api, "job-number-1", &rows()).status, 401);
}

#[test]
fn a_request_whose_key_is_in_flight_is_a_409_at_once() {
    let api = Api::start();
    let blocker = api.database.lock("devices");
    std::thread::scope(|scope| {
        let first = scope.spawn(|| post(&api, "job-number-1", &rows()));
        api.database.wait_until_one_is_blocked();
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
fn a_server_that_is_killed_in_the_middle_leaves_the_key_free() {
    let api = Api::start();
    let blocker = api.database.lock("devices_mdm");
    std::thread::scope(|scope| {
        let sent = scope.spawn(|| {
            let request = api.request("POST", "/devices").bearer_auth(&api.key);
            let request = request.header("Idempotency-Key", "job-number-1");
            request.json(&json!({ "devices": rows() })).send().is_err()
        });
        api.database.wait_until_one_is_blocked();
        api.server.signal("KILL");
        assert!(sent.join().unwrap());
    });
    drop(blocker);
    let api = Api::resume(api.database, api.key, &ServerOptions::default());
    // The killed server's transaction ends when PostgreSQL notices.
    let mut answer = post(&api, "job-number-1", &rows());
    while answer.status == 409 {
        answer = post(&api, "job-number-1", &rows());
    }
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(answer.header("idempotent-replayed"), "");
    assert_eq!(api.database.count("devices"), 2);
}

/// A server that reaches its database by a proxy.
fn behind_a_proxy() -> (Api, Proxy) {
    let database = TestDatabase::new();
    let proxy = Proxy::of(&database);
    let options = ServerOptions::with("DEVICES__DATABASE__URL", proxy.url())
        .and("DEVICES__DATABASE__POOL_WAIT_MS", 300)
        .and("DEVICES__DATABASE__STATEMENT_TIMEOUT_MS", 300);
    (Api::start_on(database, &options), proxy)
}

#[test]
fn a_batch_that_was_committed_on_a_connection_that_died_is_a_201() {
    let (api, proxy) = behind_a_proxy();
    proxy.treat(Treatment::CutAfterCommit {
        and_stay_cut: false,
    });
    let answer = post(&api, "job-number-1", &rows());
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_replayed(&post(&api, "job-number-1", &rows()), &answer);
    // So it is without a key.
    proxy.treat(Treatment::CutAfterCommit {
        and_stay_cut: false,
    });
    assert_eq!(api.post(&json!([device(json!({}))])).status, 201);
    assert_eq!(api.database.count("devices"), 3);
}

#[test]
fn a_batch_that_is_still_being_committed_on_a_connection_that_died_is_waited_for() {
    let database = TestDatabase::new();
    // Whoever commits devices takes his time. Nobody else uses the database: the transaction has
    // the highest number that was given.
    database.execute(
        "CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN PERFORM pg_sleep(1.5); RETURN NULL; END $$;
         CREATE CONSTRAINT TRIGGER take_time AFTER INSERT ON device_events \
             DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION take_time()",
    );
    let proxy = Proxy::of(&database);
    let options = ServerOptions::with("DEVICES__DATABASE__URL", proxy.url());
    let api = Api::start_on(database, &options);
    proxy.treat(Treatment::CutInCommit);
    let answer = post(&api, "job-number-1", &rows());
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_replayed(&post(&api, "job-number-1", &rows()), &answer);
    assert_eq!(api.database.count("devices"), 2);
}

#[test]
fn a_batch_that_was_not_committed_on_a_connection_that_died_is_a_503_and_can_be_sent_again() {
    let (api, proxy) = behind_a_proxy();
    proxy.treat(Treatment::CutBeforeCommit);
    let answer = post(&api, "job-number-1", &rows());
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert_eq!(answer.json(), json!({"error": "SERVICE_UNAVAILABLE"}));
    assert_eq!(api.database.count("devices"), 0);
    let answer = post(&api, "job-number-1", &rows());
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("idempotent-replayed"), "");
}

#[test]
fn a_batch_whose_fate_cannot_be_found_out_is_a_503_that_says_how_to_send_it_again() {
    let (api, proxy) = behind_a_proxy();
    proxy.treat(Treatment::CutAfterCommit { and_stay_cut: true });
    let answer = post(&api, "job-number-1", &rows());
    assert_eq!((answer.status, answer.header("retry-after")), (503, "1"));
    let body = answer.json();
    assert_eq!(body["error"], "SERVICE_UNAVAILABLE");
    let message = body["message"].as_str().unwrap();
    assert!(message.contains("may have been stored"), "{message}");
    assert!(
        message.contains("send it again with the same one"),
        "{message}"
    );
    proxy.treat(Treatment::HandOn);
    let mut answer = post(&api, "job-number-1", &rows());
    while answer.status == 503 {
        answer = post(&api, "job-number-1", &rows());
    }
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("idempotent-replayed"), "true");
    assert_eq!(api.database.count("devices"), 2);
}
