//! A database that is unreachable, slow, read-only or out of connections: requests fail fast with
//! 503, and the same server recovers.

use std::time::{Duration, Instant};

use devices_tests::{
    Api, LoginRole, NotOnCluster, Proxy, ProxyMode, ServerOptions, TestDatabase, device, execute,
    race,
};
use serde_json::json;

use super::one_device;

/// Returns options with timeouts that are short enough for a test.
fn short_timeouts() -> ServerOptions {
    ServerOptions::with("DEVICES__DATABASE__POOL_TIMEOUT_MS", 300)
        .and("DEVICES__DATABASE__STATEMENT_TIMEOUT_MS", 300)
        .and("DEVICES__DATABASE__LOCK_TIMEOUT_MS", 150)
}

/// Asserts that during a fault every request returns 503 with `Retry-After` and stores nothing, and
/// that the same server works after it.
fn assert_recovers(api: &Api, begin: impl FnOnce(), end: impl FnOnce()) {
    assert_eq!(api.post(&one_device()).status, 201);
    begin();
    for _ in 0..3 {
        let response = api.post(&one_device());
        assert_eq!(response.status, 503, "{}", response.text);
        assert_eq!(response.header("retry-after"), "1");
        assert_eq!(response.json(), json!({"error": "SERVICE_UNAVAILABLE"}));
    }
    end();
    // The pool waits after a failed connect before it retries.
    let recovered = (0..50).any(|_| api.post(&one_device()).status == 201);
    assert!(recovered);
    assert_eq!(api.database.count("devices"), 2);
}

#[test]
fn closed_database_returns_503() {
    let api = Api::start_with(&short_timeouts());
    assert_recovers(
        &api,
        || api.database.reject_connections(),
        || api.database.accept_connections(),
    );
    wait_until_ready(&api);
}

#[test]
fn closed_database_fails_readiness_only() {
    let api = Api::start_with(&short_timeouts());
    api.database.reject_connections();
    assert_eq!(api.get_without_key("/livez").status, 200);
    let response = api.get_without_key("/readyz");
    assert_eq!(response.status, 503, "{}", response.text);
    assert_eq!(response.json(), json!({"error": "SERVICE_UNAVAILABLE"}));
    api.database.accept_connections();
    wait_until_ready(&api);
}

#[test]
fn lost_connection_does_not_fail_readiness() {
    let api = Api::start_with(&short_timeouts());
    assert_eq!(api.get_without_key("/readyz").status, 200);
    api.database.reject_connections();
    api.database.accept_connections();
    // The result is reused for a second.
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(api.get_without_key("/readyz").status, 200);
}

#[test]
fn stalled_database_fails_all_probes_at_once() {
    let (api, proxy) = api_behind_proxy(short_timeouts());
    proxy.set_mode(ProxyMode::Stall);
    let start = Instant::now();
    let statuses = race(20, |_| api.get_without_key("/readyz").status);
    assert_eq!(statuses, [503; 20]);
    // One after the other, they would take 40 seconds.
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "{:?}",
        start.elapsed()
    );
    proxy.set_mode(ProxyMode::Forward);
    wait_until_ready(&api);
}

/// Waits until the last result of a readiness check has expired, and the next one is good.
fn wait_until_ready(api: &Api) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while api.get_without_key("/readyz").status != 200 {
        assert!(
            Instant::now() < deadline,
            "the server does not become ready"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Starts a server that connects to its database through a proxy.
fn api_behind_proxy(options: ServerOptions) -> (Api, Proxy) {
    let database = TestDatabase::new();
    let proxy = Proxy::in_front_of(&database);
    let options = options.and("DEVICES__DATABASE__URL", proxy.url());
    (Api::start_on(database, &options), proxy)
}

#[test]
fn dropped_connections_return_503() {
    let (api, proxy) = api_behind_proxy(short_timeouts());
    assert_recovers(
        &api,
        || proxy.set_mode(ProxyMode::Disconnect),
        || proxy.set_mode(ProxyMode::Forward),
    );
}

#[test]
fn stalled_database_returns_503() {
    let (api, proxy) = api_behind_proxy(short_timeouts().and("DEVICES__DATABASE__POOL_SIZE", 1));
    assert_recovers(
        &api,
        || proxy.set_mode(ProxyMode::Stall),
        || proxy.set_mode(ProxyMode::Forward),
    );
}

#[test]
fn slow_database_returns_503() {
    let (api, proxy) = api_behind_proxy(short_timeouts());
    assert_recovers(
        &api,
        || proxy.set_mode(ProxyMode::Delay(Duration::from_millis(500))),
        || proxy.set_mode(ProxyMode::Forward),
    );
}

#[test]
fn read_only_database_returns_503() {
    let api = Api::start_with(&short_timeouts());
    let read_only = |value| {
        let setting = "default_transaction_read_only";
        api.database.set_default(setting, value);
    };
    assert_recovers(&api, || read_only("on"), || read_only("off"));
}

#[test]
fn exhausted_connections_return_503() {
    let database = TestDatabase::new();
    let login = LoginRole::serving(&database);
    let options = short_timeouts()
        .and("DEVICES__DATABASE__URL", login.url())
        .and("DEVICES__DATABASE__MIGRATE_ON_START", false);
    let api = Api::start_on(database, &options);
    assert_recovers(
        &api,
        || login.limit_connections(Some(0)),
        || login.limit_connections(None),
    );
}

#[test]
fn statement_timeout_returns_503() {
    let api = Api::start_with(&short_timeouts().and("DEVICES__DATABASE__LOCK_TIMEOUT_MS", 60_000));
    let blocker = api.lock("devices");
    let response = api.post(&one_device());
    assert_eq!(response.status, 503, "{}", response.text);
    let line = api.server.access_log_entry(response.header("x-request-id"));
    let cause = line["cause"].as_str().unwrap();
    assert!(cause.contains("statement timeout"), "{cause}");
    drop(blocker);
    assert_eq!(api.post(&one_device()).status, 201);
    assert_eq!(api.database.count("devices"), 1);
}

#[test]
fn lock_timeout_returns_503() {
    let api = Api::start_with(&ServerOptions::with(
        "DEVICES__DATABASE__LOCK_TIMEOUT_MS",
        150,
    ));
    let blocker = api.lock("devices");
    let response = api.post(&one_device());
    assert_eq!(response.status, 503, "{}", response.text);
    let line = api.server.access_log_entry(response.header("x-request-id"));
    let cause = line["cause"].as_str().unwrap();
    assert!(cause.contains("lock timeout"), "{cause}");
    drop(blocker);
    assert_eq!(api.post(&one_device()).status, 201);
}

#[test]
fn exhausted_pool_rejects_only_new_requests() {
    let options = ServerOptions::with("DEVICES__DATABASE__POOL_SIZE", 1)
        .and("DEVICES__DATABASE__POOL_TIMEOUT_MS", 300)
        .and("DEVICES__DATABASE__LOCK_TIMEOUT_MS", 60_000)
        .and("DEVICES__DATABASE__STATEMENT_TIMEOUT_MS", 60_000);
    let api = Api::start_with(&options);
    let blocker = api.lock("devices");
    std::thread::scope(|scope| {
        let first = scope.spawn(|| api.post(&one_device()));
        api.database.wait_for_blocked_statement();
        let second = api.post(&one_device());
        assert_eq!((second.status, second.header("retry-after")), (503, "1"));
        // A busy server is ready.
        assert_eq!(api.get_without_key("/readyz").status, 200);
        drop(blocker);
        assert_eq!(first.join().unwrap().status, 201);
    });
    assert_eq!(api.database.count("devices"), 1);
}

#[test]
fn stalled_database_does_not_block_shutdown() {
    let (mut api, proxy) = api_behind_proxy(short_timeouts());
    assert_eq!(api.get_without_key("/readyz").status, 200);
    proxy.set_mode(ProxyMode::Stall);
    // The server caches the result of a readiness check for a moment.
    while api.get_without_key("/readyz").status == 200 {}
    api.server.signal("TERM");
    assert!(api.server.wait().success());
}

#[test]
fn batch_is_retried_after_deadlock() {
    // PostgreSQL checks for deadlocks after a wait of one second (deadlock_timeout).
    let api = Api::start_with(&ServerOptions::with(
        "DEVICES__DATABASE__LOCK_TIMEOUT_MS",
        60_000,
    ));
    let (ada, alan) = (
        api.add_user("acme", "ada@example.com"),
        api.add_user("acme", "alan@example.com"),
    );
    let mut rival = api.database.connect();
    execute(
        &mut rival,
        &format!(
            "SET deadlock_timeout = '60s'; \
             BEGIN; SELECT id FROM users WHERE workspace_id = 1 AND id = {alan} FOR UPDATE"
        ),
    );
    let row = |user: i64, serial: &str| device(json!({"user_id": user, "serial_number": serial}));
    let batch = json!([row(ada, "A1"), row(alan, "B1")]);
    std::thread::scope(|scope| {
        let posted = scope.spawn(|| api.post(&batch));
        api.database.wait_for_blocked_statement();
        // The batch has locked Ada for its first device and waits for Alan, whom the rival has
        // locked. This closes the cycle. The `deadlock_timeout` of the batch expires first, so that
        // PostgreSQL aborts the batch.
        let close_cycle = format!(
            "SELECT id FROM users WHERE workspace_id = 1 AND id = {ada} FOR UPDATE; COMMIT"
        );
        execute(&mut rival, &close_cycle);
        assert_eq!(posted.join().unwrap().status, 201);
    });
    assert_eq!(api.database.count("devices"), 2);
}

/// Limits the size of the files that the server's connections can write, as a full disk does.
fn limit_file_size(database: &TestDatabase, limit: &str) {
    let backends = "SELECT pid::text FROM pg_stat_activity \
                    WHERE datname = current_database() AND pid <> pg_backend_pid() \
                      AND backend_type = 'client backend'";
    for backend in database.texts(backends) {
        // PostgreSQL runs the program, because it may run as another user than this process. A
        // backend may have ended meanwhile.
        database.execute(&format!(
            "COPY (SELECT WHERE false) TO PROGRAM \
             'prlimit --pid {backend} --fsize={limit}: || ! test -d /proc/{backend}'"
        ));
    }
}

#[test]
fn full_disk_returns_503() {
    if NotOnCluster::ReadsServerOfTheRows.skips() {
        return;
    }
    let options = ServerOptions::with("DEVICES__DATABASE__POOL_SIZE", 1);
    let api = Api::start_with(&options);
    api.database.execute(
        "INSERT INTO devices (workspace_id, name, type, category, is_rented, compliance, connection_type, comment) \
         SELECT id, 'Chair', 'chair', 'furniture', false, '{}', '{}', repeat('x', 1500) \
         FROM workspaces, generate_series(1, 15000)",
    );
    let stored = api.database.count("devices");
    let batch = json!(vec![device(json!({ "comment": "x".repeat(1_500) })); 20]);
    assert_eq!(api.call("GET", "/devices?limit=1").status, 200);
    // Smaller than the table. The segments of PostgreSQL's log have 16 MiB: it would crash without.
    limit_file_size(&api.database, "18000000");
    let response = api.post(&batch);
    assert_eq!(response.status, 503, "{}", response.text);
    assert_eq!(response.header("retry-after"), "1");
    assert_eq!(response.json(), json!({"error": "SERVICE_UNAVAILABLE"}));
    limit_file_size(&api.database, "unlimited");
    assert_eq!(api.post(&batch).status, 201);
    assert_eq!(api.database.count("devices"), stored + 20);
}
