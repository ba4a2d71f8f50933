//! Rate limits, concurrency limits and upload speed.

use std::io::{Cursor, Read, Write};
use std::time::Duration;

use devices_tests::{Api, ServerOptions, device, race, send};
use reqwest::blocking::Body;
use serde_json::json;

use super::one_device;

/// Starts a server that allows this number of requests per minute and key.
fn api_with_rate_limit(requests: u32) -> Api {
    Api::start_with(&ServerOptions::with(
        "DEVICES__RATE_LIMIT__REQUESTS_PER_MINUTE",
        requests,
    ))
}

#[test]
fn exhausted_rate_limit_returns_429() {
    let api = api_with_rate_limit(2);
    for remaining in ["1", "0"] {
        let response = api.post(&one_device());
        assert_eq!(response.status, 201);
        assert_eq!(response.header("ratelimit-policy"), r#""key";q=2;w=60"#);
        assert_eq!(response.header("ratelimit-limit"), "2");
        assert_eq!(response.header("ratelimit-remaining"), remaining);
    }
    let response = api.post(&one_device());
    assert_eq!(response.status, 429);
    assert_eq!(response.json(), json!({"error": "RATE_LIMITED"}));
    let seconds = |name: &str| response.header(name).parse::<u32>().unwrap();
    assert!((1..=30).contains(&seconds("retry-after")));
    assert!((30..=60).contains(&seconds("ratelimit-reset")));
    let current = response.header("ratelimit");
    assert!(current.starts_with(r#""key";r=0;t="#), "{current}");
    assert_eq!(api.database.count("devices"), 2);

    // The limit is per key, not per workspace.
    let other = api.create_key("acme", "WRITE");
    assert_eq!(api.post_as(&other, &one_device()).status, 201);
}

#[test]
fn keys_share_the_limit_of_their_workspace() {
    let options = ServerOptions::with("DEVICES__RATE_LIMIT__WORKSPACE_REQUESTS_PER_MINUTE", 4)
        .and("DEVICES__RATE_LIMIT__REQUESTS_PER_MINUTE", 3);
    let api = Api::start_with(&options);
    let other = api.create_key("acme", "WRITE");
    let post = |key: &str| {
        let response = api.post_as(key, &one_device());
        (response.status, response.header("ratelimit").to_owned())
    };
    for (key, status, quota) in [
        (&api.key, 201, r#""key";r=2;"#),
        (&api.key, 201, r#""key";r=1;"#),
        (&api.key, 201, r#""key";r=0;"#),
        // A rejected request costs the workspace no token.
        (&api.key, 429, r#""key";r=0;"#),
        (&other, 201, r#""workspace";r=0;"#),
        (&other, 429, r#""workspace";r=0;"#),
    ] {
        let (actual_status, actual_quota) = post(key);
        assert_eq!(actual_status, status);
        assert!(actual_quota.starts_with(quota), "{actual_quota}");
    }
    let response = api.post_as(&other, &one_device());
    assert_eq!(response.json(), json!({"error": "RATE_LIMITED"}));
    assert_eq!(
        response.header("ratelimit-policy"),
        r#""workspace";q=4;w=60"#
    );
    assert!((1..=15).contains(&response.header("retry-after").parse().unwrap()));
}

#[test]
fn rate_limit_refills_over_time() {
    let api = api_with_rate_limit(2);
    while api.post(&one_device()).status != 429 {}
    // The server caches an exhausted key for one second.
    std::thread::sleep(Duration::from_millis(1_100));
    // A cluster rejects `refilled_at - interval`, which is not immutable.
    api.database
        .execute("UPDATE rate_limits SET refilled_at = now() - interval '30 seconds'");
    assert_eq!(api.post(&one_device()).status, 201);
    assert_eq!(api.post(&one_device()).status, 429);
}

#[test]
fn servers_share_rate_limit_of_key() {
    let options = ServerOptions::with("DEVICES__RATE_LIMIT__REQUESTS_PER_MINUTE", 3);
    let api = Api::start_with(&options);
    let replica = devices_tests::Server::start_with(&api.database, &options);
    let post = |url: String| {
        let client = reqwest::blocking::Client::new();
        let request = client.post(url).bearer_auth(&api.key);
        send(request.json(&json!({ "devices": one_device() }))).status
    };
    let urls = [api.server.url("/devices"), replica.url("/devices")];
    let statuses: Vec<_> = (0..4).map(|index| post(urls[index % 2].clone())).collect();
    assert_eq!(statuses, [201, 201, 201, 429]);
}

#[test]
fn rejected_requests_count_toward_limit() {
    let api = api_with_rate_limit(1);
    let read = api.create_key("acme", "READ");
    assert_eq!(api.post_as(&read, &one_device()).status, 403);
    assert_eq!(api.post_as(&read, &one_device()).status, 429);
    let unlimited = Api::start();
    assert_eq!(unlimited.post(&one_device()).header("ratelimit-limit"), "");
}

#[test]
fn unavailable_rate_limit_store_returns_503() {
    let options = ServerOptions::with("DEVICES__RATE_LIMIT__REQUESTS_PER_MINUTE", 10)
        .and("DEVICES__DATABASE__LOCK_TIMEOUT_MS", 100);
    let api = Api::start_with(&options);
    let blocker = api.lock("rate_limits");
    let response = api.post(&one_device());
    assert_eq!(
        (response.status, response.header("retry-after")),
        (503, "1")
    );
    drop(blocker);
    assert_eq!(api.post(&one_device()).status, 201);
}

#[test]
fn failed_authentications_throttle_address() {
    let options = ServerOptions::with("DEVICES__RATE_LIMIT__FAILED_AUTHENTICATIONS_PER_MINUTE", 3)
        .and("DEVICES__SERVER__CLIENT_ADDRESS_HEADER", "X-Forwarded-For");
    let api = Api::start_with(&options);
    let post = |key: &str, address: &str| {
        let request = api.request("POST", "/devices").bearer_auth(key);
        let request = request.header("X-Forwarded-For", address);
        send(request.json(&json!({ "devices": one_device() })))
    };
    assert_eq!(post(&api.key, "10.0.0.1").status, 201);
    for _ in 0..3 {
        assert_eq!(post("guessed", "10.0.0.1").status, 401);
    }
    let response = post("guessed", "10.0.0.1");
    assert_eq!(response.status, 429);
    assert_eq!(response.json(), json!({"error": "RATE_LIMITED"}));
    assert!((1..=60).contains(&response.header("retry-after").parse().unwrap()));
    // Clients control all entries of the header except the last one, which the proxy appends.
    assert_eq!(post("guessed", "10.9.9.9, 10.0.0.1").status, 429);
    assert_eq!(post("guessed", "10.0.0.2").status, 401);
    assert_eq!(post("guessed", "10.0.0.1:5678").status, 429);
    // Valid keys still work from a throttled address, recently used or not. A key of another
    // installation is throttled like any unknown key.
    let new = api.create_key("acme", "WRITE");
    for key in [&api.key, &new] {
        assert_eq!(post(key, "10.0.0.1").status, 201);
    }
    let elsewhere = Api::start();
    assert_eq!(post(&elsewhere.key, "10.0.0.1").status, 429);
    api.server.wait_for_log_line(|line| {
        line.contains("throttling the address") && line.contains("10.0.0.1")
    });
}

#[test]
fn exhausted_key_is_rejected_without_database() {
    let api = api_with_rate_limit(1);
    assert_eq!(api.post(&one_device()).status, 201);
    let first = api.post(&one_device());
    let before = api.database.texts("SELECT refilled_at FROM rate_limits");
    let second = api.post(&one_device());
    for response in [first, second] {
        assert_eq!(response.status, 429);
        assert_eq!(response.header("ratelimit-remaining"), "0");
        assert!((50..=60).contains(&response.header("retry-after").parse().unwrap()));
    }
    assert_eq!(
        api.database.texts("SELECT refilled_at FROM rate_limits"),
        before
    );
}

#[test]
fn excess_request_in_flight_returns_503() {
    let options = ServerOptions::with("DEVICES__LIMITS__MAX_REQUESTS_IN_FLIGHT", 1)
        .and("DEVICES__DATABASE__LOCK_TIMEOUT_MS", 60_000)
        .and("DEVICES__DATABASE__STATEMENT_TIMEOUT_MS", 60_000);
    let api = Api::start_with(&options);
    let blocker = api.lock("devices");
    std::thread::scope(|scope| {
        let first = scope.spawn(|| api.post(&one_device()));
        api.database.wait_for_blocked_statement();
        let second = api.post(&one_device());
        assert_eq!((second.status, second.header("retry-after")), (503, "1"));
        // Probes are exempt from the limit.
        assert_eq!(api.get_without_key("/livez").status, 200);
        drop(blocker);
        assert_eq!(first.join().unwrap().status, 201);
    });
    assert_eq!(api.post(&one_device()).status, 201);
}

#[test]
fn requests_in_flight_leave_permits_to_others() {
    let options = ServerOptions::with("DEVICES__LIMITS__MAX_REQUESTS_IN_FLIGHT", 2)
        .and("DEVICES__DATABASE__LOCK_TIMEOUT_MS", 60_000)
        .and("DEVICES__DATABASE__STATEMENT_TIMEOUT_MS", 60_000);
    let api = Api::start_with(&options);
    api.create_workspace("globex");
    let other_key = api.create_key("globex", "READ");
    let blocker = api.lock("devices");
    std::thread::scope(|scope| {
        let first = scope.spawn(|| api.post(&one_device()));
        api.database.wait_for_blocked_statement();
        assert_eq!(api.call("GET", "/users").status, 503);
        assert_eq!(api.call_as(&other_key, "GET", "/users").status, 200);
        drop(blocker);
        assert_eq!(first.join().unwrap().status, 201);
    });
}

#[test]
fn excess_concurrent_export_returns_503() {
    let options = ServerOptions::with("DEVICES__LIMITS__MAX_CONCURRENT_EXPORTS", 1)
        .and("DEVICES__DATABASE__LOCK_TIMEOUT_MS", 60_000)
        .and("DEVICES__DATABASE__STATEMENT_TIMEOUT_MS", 60_000);
    let api = Api::start_with(&options);
    let blocker = api.lock("devices");
    std::thread::scope(|scope| {
        let first = scope.spawn(|| api.call("GET", "/devices/export"));
        api.database.wait_for_blocked_statement();
        let second = api.call("GET", "/devices/export");
        assert_eq!((second.status, second.header("retry-after")), (503, "1"));
        drop(blocker);
        assert_eq!(first.join().unwrap().status, 200);
    });
    assert_eq!(api.call("GET", "/devices/export").status, 200);
}

#[test]
fn incoming_body_is_not_in_flight() {
    let api = Api::start_with(&ServerOptions::with(
        "DEVICES__LIMITS__MAX_REQUESTS_IN_FLIGHT",
        1,
    ));
    let mut socket = api.begin_post(&["Expect: 100-continue", "Content-Length: 500"]);
    let mut interim = [0; 25];
    socket.read_exact(&mut interim).unwrap();
    // The key lookup of the pending request may take the only slot for a moment, so retry.
    assert!((0..100).any(|_| api.post(&one_device()).status == 201));
}

#[test]
fn slow_upload_is_aborted_before_timeout() {
    let options = ServerOptions::with("DEVICES__LIMITS__BODY_TIMEOUT_SECONDS", 60)
        .and("DEVICES__LIMITS__BODY_BYTES_PER_SECOND", 100_000);
    let api = Api::start_with(&options);
    let mut socket = api.begin_post(&["Content-Length: 500000", "Connection: close"]);
    let mut writer = socket.try_clone().unwrap();
    let upload = std::thread::spawn(move || {
        while writer.write_all(b" ").is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let mut status = [0; 13];
    socket.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 408 ");
    drop(socket.shutdown(std::net::Shutdown::Both));
    upload.join().unwrap();
}

#[test]
fn excess_large_body_returns_503() {
    let options = ServerOptions::with("DEVICES__LIMITS__MAX_LARGE_BODIES", 1);
    let api = Api::start_with(&options.and("DEVICES__LIMITS__LARGE_BODY_WAIT_MS", 0));
    let mut body = json!({"devices": [device(json!({"serial_number": "SN1"}))]}).to_string();
    body.push_str(&" ".repeat(100_000));
    let blocker = api.lock("devices_mdm");
    std::thread::scope(|scope| {
        let first = scope.spawn(|| api.post_text(body.clone()));
        api.database.wait_for_blocked_statement();
        let with_length = api.post_text(body.clone());
        let chunked = api.post_text(Body::new(Cursor::new(body.clone())));
        for response in [with_length, chunked] {
            assert_eq!(
                (response.status, response.header("retry-after")),
                (503, "1")
            );
            assert_eq!(response.json(), json!({"error": "SERVICE_UNAVAILABLE"}));
        }
        assert_eq!(api.post(&json!([device(json!({}))])).status, 201);
        drop(blocker);
        assert_eq!(first.join().unwrap().status, 201);
    });
    let repeated = api.post_text(body);
    assert_eq!(repeated.status, 400, "{}", repeated.text);
    assert_eq!(api.database.count("devices"), 2);
}

#[test]
fn concurrent_large_bodies_are_queued() {
    let api = Api::start_with(&ServerOptions::with("DEVICES__LIMITS__MAX_LARGE_BODIES", 1));
    let mut body = json!({"devices": [device(json!({}))]}).to_string();
    body.push_str(&" ".repeat(100_000));
    let responses = race(8, |_| api.post_text(body.clone()).status);
    assert_eq!(responses, [201; 8]);
}
