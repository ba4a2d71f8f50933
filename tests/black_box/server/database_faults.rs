//! A database that is away, slow, full or read-only: quick refusals, and then work as before, by the
//! same server.

use std::time::Duration;

use devices_tests::{Api, Login, Proxy, ServerOptions, TestDatabase, Treatment, device, execute};
use serde_json::{Value, json};

use super::one;

/// Waits that a test can wait for.
fn impatient() -> ServerOptions {
    ServerOptions::with("DEVICES__DATABASE__POOL_WAIT_MS", 300)
        .and("DEVICES__DATABASE__STATEMENT_TIMEOUT_MS", 300)
        .and("DEVICES__DATABASE__LOCK_TIMEOUT_MS", 150)
}

/// While a fault lasts, nothing is stored and every request is told to come again; once it is over
/// the same server works.
fn assert_survives(api: &Api, begin: impl FnOnce(), end: impl FnOnce()) {
    assert_eq!(api.post(&one()).status, 201);
    begin();
    for _ in 0..3 {
        let answer = api.post(&one());
        assert_eq!(answer.status, 503, "{}", answer.text);
        assert_eq!(answer.header("retry-after"), "1");
        assert_eq!(answer.json(), json!({"error": "SERVICE_UNAVAILABLE"}));
    }
    end();
    // A pool that failed to connect waits a moment before it tries again.
    let back = (0..50).any(|_| api.post(&one()).status == 201);
    assert!(back);
    assert_eq!(api.database.count("devices"), 2);
}

#[test]
fn a_database_that_lets_nobody_in() {
    let api = Api::start_with(&impatient());
    assert_survives(&api, || api.database.close(), || api.database.open());
    assert_eq!(api.get("/readyz").status, 200);
}

#[test]
fn readiness_is_lost_with_the_database_and_life_is_not() {
    let api = Api::start_with(&impatient());
    api.database.close();
    assert_eq!(api.get("/livez").status, 200);
    let answer = api.get("/readyz");
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert_eq!(answer.json(), json!({"error": "SERVICE_UNAVAILABLE"}));
    api.database.open();
    assert_eq!(api.get("/readyz").status, 200);
}

/// A server that reaches its database by a proxy.
fn behind_a_proxy(options: ServerOptions) -> (Api, Proxy) {
    let database = TestDatabase::new();
    let proxy = Proxy::of(&database);
    let options = options.and("DEVICES__DATABASE__URL", proxy.url());
    (Api::start_on(database, &options), proxy)
}

#[test]
fn a_database_whose_connections_are_cut() {
    let (api, proxy) = behind_a_proxy(impatient());
    assert_survives(
        &api,
        || proxy.treat(Treatment::Cut),
        || proxy.treat(Treatment::HandOn),
    );
}

#[test]
fn a_database_that_says_nothing_any_more() {
    let (api, proxy) = behind_a_proxy(impatient().and("DEVICES__DATABASE__POOL_SIZE", 1));
    assert_survives(
        &api,
        || proxy.treat(Treatment::Hang),
        || proxy.treat(Treatment::HandOn),
    );
}

#[test]
fn a_database_whose_answers_come_too_late() {
    let (api, proxy) = behind_a_proxy(impatient());
    assert_survives(
        &api,
        || proxy.treat(Treatment::Delay(Duration::from_millis(500))),
        || proxy.treat(Treatment::HandOn),
    );
}

#[test]
fn a_database_that_may_only_be_read() {
    let api = Api::start_with(&impatient());
    let read_only = |value| {
        let setting = "default_transaction_read_only";
        api.database.set_default(setting, value);
    };
    assert_survives(&api, || read_only("on"), || read_only("off"));
}

#[test]
fn a_database_that_has_no_connection_left() {
    let database = TestDatabase::new();
    let login = Login::with(&database, "fleet_devices_serving");
    let options = impatient()
        .and("DEVICES__DATABASE__URL", login.url())
        .and("DEVICES__DATABASE__MIGRATE_ON_START", false);
    let api = Api::start_on(database, &options);
    assert_survives(
        &api,
        || login.limit_connections(Some(0)),
        || login.limit_connections(None),
    );
}

#[test]
fn a_statement_that_takes_too_long() {
    let api = Api::start_with(&impatient().and("DEVICES__DATABASE__LOCK_TIMEOUT_MS", 60_000));
    let blocker = api.database.lock("devices");
    let answer = api.post(&one());
    assert_eq!(answer.status, 503, "{}", answer.text);
    let line = api.server.log_of(answer.header("x-request-id"));
    let cause = line["cause"].as_str().unwrap();
    assert!(cause.contains("statement timeout"), "{cause}");
    drop(blocker);
    assert_eq!(api.post(&one()).status, 201);
    assert_eq!(api.database.count("devices"), 1);
}

#[test]
fn a_lock_that_is_waited_for_too_long() {
    let api = Api::start_with(&ServerOptions::with(
        "DEVICES__DATABASE__LOCK_TIMEOUT_MS",
        150,
    ));
    let blocker = api.database.lock("devices");
    let answer = api.post(&one());
    assert_eq!(answer.status, 503, "{}", answer.text);
    let line = api.server.log_of(answer.header("x-request-id"));
    let cause = line["cause"].as_str().unwrap();
    assert!(cause.contains("lock timeout"), "{cause}");
    drop(blocker);
    assert_eq!(api.post(&one()).status, 201);
}

#[test]
fn a_request_that_finds_every_connection_in_use_is_a_503_and_the_others_are_not_disturbed() {
    let options = ServerOptions::with("DEVICES__DATABASE__POOL_SIZE", 1)
        .and("DEVICES__DATABASE__POOL_WAIT_MS", 300)
        .and("DEVICES__DATABASE__LOCK_TIMEOUT_MS", 60_000)
        .and("DEVICES__DATABASE__STATEMENT_TIMEOUT_MS", 60_000);
    let api = Api::start_with(&options);
    let blocker = api.database.lock("devices");
    std::thread::scope(|scope| {
        let first = scope.spawn(|| api.post(&one()));
        api.database.wait_until_one_is_blocked();
        let second = api.post(&one());
        assert_eq!((second.status, second.header("retry-after")), (503, "1"));
        drop(blocker);
        assert_eq!(first.join().unwrap().status, 201);
    });
    assert_eq!(api.database.count("devices"), 1);
}

#[test]
fn a_database_that_hangs_does_not_keep_the_server_from_stopping() {
    let (mut api, proxy) = behind_a_proxy(impatient());
    assert_eq!(api.get("/readyz").status, 200);
    proxy.treat(Treatment::Hang);
    // An answer of the database's holds for a moment.
    while api.get("/readyz").status == 200 {}
    api.server.signal("TERM");
    assert!(api.server.wait().success());
}

#[test]
fn a_batch_that_is_ended_to_break_a_deadlock_is_tried_again() {
    // PostgreSQL looks for deadlocks when one has waited for a second.
    let api = Api::start_with(&ServerOptions::with(
        "DEVICES__DATABASE__LOCK_TIMEOUT_MS",
        60_000,
    ));
    // Whoever locks this user, and then the other one, is met by one that does it the other way.
    let (ada, alan) = (
        api.add_user("acme", "ada@example.com"),
        api.add_user("acme", "alan@example.com"),
    );
    let mut rival = api.database.connect();
    execute(
        &mut rival,
        &format!(
            "SET deadlock_timeout = '60s'; \
             BEGIN; SELECT FROM users WHERE id = {alan} FOR UPDATE"
        ),
    );
    let row = |user: i64, serial: &str| device(json!({"user_id": user, "serial_number": serial}));
    let batch = json!([row(ada, "A1"), row(alan, "B1")]);
    std::thread::scope(|scope| {
        let posted = scope.spawn(|| api.post(&batch));
        api.database.wait_until_one_is_blocked();
        // The batch has locked Ada for its first device: the server ends one of the two.
        let crossing = format!("SELECT FROM users WHERE id = {ada} FOR UPDATE; COMMIT");
        execute(&mut rival, &crossing);
        assert_eq!(posted.join().unwrap().status, 201);
    });
    assert_eq!(api.database.count("devices"), 2);
}
