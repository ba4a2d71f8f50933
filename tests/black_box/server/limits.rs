//! How often, how many and how slowly clients may ask.

use std::io::{Cursor, Read, Write};
use std::time::Duration;

use devices_tests::{Api, ServerOptions, device, race, send};
use reqwest::blocking::Body;
use serde_json::json;

use super::one;

fn limited_to(requests: u32) -> Api {
    Api::start_with(&ServerOptions::with(
        "DEVICES__RATE_LIMIT__REQUESTS_PER_MINUTE",
        requests,
    ))
}

#[test]
fn a_key_that_asks_too_often_is_told_when_it_may_again() {
    let api = limited_to(2);
    for left in ["1", "0"] {
        let answer = api.post(&one());
        assert_eq!(answer.status, 201);
        assert_eq!(answer.header("ratelimit-policy"), r#""key";q=2;w=60"#);
        assert_eq!(answer.header("ratelimit-limit"), "2");
        assert_eq!(answer.header("ratelimit-remaining"), left);
    }
    let answer = api.post(&one());
    assert_eq!(answer.status, 429);
    assert_eq!(answer.json(), json!({"error": "RATE_LIMITED"}));
    let seconds = |name: &str| answer.header(name).parse::<u32>().unwrap();
    assert!((1..=30).contains(&seconds("retry-after")));
    assert!((30..=60).contains(&seconds("ratelimit-reset")));
    let current = answer.header("ratelimit");
    assert!(current.starts_with(r#""key";r=0;t="#), "{current}");
    assert_eq!(api.database.count("devices"), 2);

    // Another key of the same workspace is not held back.
    let other = api.create_key("acme", "WRITE");
    assert_eq!(api.post_as(&other, &one()).status, 201);
}

#[test]
fn what_a_key_may_ask_for_comes_back_with_time() {
    let api = limited_to(2);
    while api.post(&one()).status != 429 {}
    // A key that has nothing left is not looked up for a second.
    std::thread::sleep(Duration::from_millis(1_100));
    api.database
        .execute("UPDATE rate_limits SET refilled_at = refilled_at - interval '30 seconds'");
    assert_eq!(api.post(&one()).status, 201);
    assert_eq!(api.post(&one()).status, 429);
}

#[test]
fn two_servers_on_one_database_share_a_keys_limit() {
    let options = ServerOptions::with("DEVICES__RATE_LIMIT__REQUESTS_PER_MINUTE", 3);
    let api = Api::start_with(&options);
    let replica = devices_tests::Server::start_with(&api.database, &options);
    let ask = |url: String| {
        let client = reqwest::blocking::Client::new();
        let request = client.post(url).bearer_auth(&api.key);
        send(request.json(&json!({ "devices": one() }))).status
    };
    let urls = [api.server.url("/devices"), replica.url("/devices")];
    let statuses: Vec<_> = (0..4).map(|turn| ask(urls[turn % 2].clone())).collect();
    assert_eq!(statuses, [201, 201, 201, 429]);
}

#[test]
fn refused_requests_count_and_unlimited_keys_are_told_nothing() {
    let api = limited_to(1);
    let read = api.create_key("acme", "READ");
    assert_eq!(api.post_as(&read, &one()).status, 403);
    assert_eq!(api.post_as(&read, &one()).status, 429);
    let free = Api::start();
    assert_eq!(free.post(&one()).header("ratelimit-limit"), "");
}

#[test]
fn a_limiter_whose_store_is_away_is_a_503() {
    let options = ServerOptions::with("DEVICES__RATE_LIMIT__REQUESTS_PER_MINUTE", 10)
        .and("DEVICES__DATABASE__LOCK_TIMEOUT_MS", 100);
    let api = Api::start_with(&options);
    let blocker = api.database.lock("rate_limits");
    let answer = api.post(&one());
    assert_eq!((answer.status, answer.header("retry-after")), (503, "1"));
    drop(blocker);
    assert_eq!(api.post(&one()).status, 201);
}

#[test]
fn an_address_that_shows_too_many_keys_that_do_not_work_must_wait() {
    let options = ServerOptions::with("DEVICES__RATE_LIMIT__FAILED_AUTHENTICATIONS_PER_MINUTE", 3)
        .and("DEVICES__SERVER__CLIENT_ADDRESS_HEADER", "X-Forwarded-For");
    let api = Api::start_with(&options);
    let ask = |key: &str, address: &str| {
        let request = api.request("POST", "/devices").bearer_auth(key);
        let request = request.header("X-Forwarded-For", address);
        send(request.json(&json!({ "devices": one() })))
    };
    assert_eq!(ask(&api.key, "10.0.0.1").status, 201);
    for _ in 0..3 {
        assert_eq!(ask("guessed", "10.0.0.1").status, 401);
    }
    let answer = ask("guessed", "10.0.0.1");
    assert_eq!(answer.status, 429);
    assert_eq!(answer.json(), json!({"error": "RATE_LIMITED"}));
    assert!((1..=60).contains(&answer.header("retry-after").parse().unwrap()));
    // A client writes what it likes into the header; the proxy adds the last entry.
    assert_eq!(ask("guessed", "10.9.9.9, 10.0.0.1").status, 429);
    assert_eq!(ask("guessed", "10.0.0.2").status, 401);
    assert_eq!(ask("guessed", "10.0.0.1:5678").status, 429);
    // Keys are not locked out by others behind their address, whether they worked lately or not; but
    // one that is none of ours has the address wait, too.
    let new = api.create_key("acme", "WRITE");
    for key in [&api.key, &new] {
        assert_eq!(ask(key, "10.0.0.1").status, 201);
    }
    let elsewhere = Api::start();
    assert_eq!(ask(&elsewhere.key, "10.0.0.1").status, 429);
    api.server
        .log_line(|line| line.contains("an address must wait") && line.contains("10.0.0.1"));
}

#[test]
fn a_key_that_asks_in_a_loop_is_refused_without_the_database_and_as_before() {
    let api = limited_to(1);
    assert_eq!(api.post(&one()).status, 201);
    let first = api.post(&one());
    let asked = api.database.texts("SELECT refilled_at FROM rate_limits");
    let again = api.post(&one());
    for answer in [first, again] {
        assert_eq!(answer.status, 429);
        assert_eq!(answer.header("ratelimit-remaining"), "0");
        assert!((50..=60).contains(&answer.header("retry-after").parse().unwrap()));
    }
    assert_eq!(
        api.database.texts("SELECT refilled_at FROM rate_limits"),
        asked
    );
}

#[test]
fn one_request_in_flight_too_many_is_a_503_at_once() {
    let options = ServerOptions::with("DEVICES__LIMITS__REQUESTS_IN_FLIGHT", 1)
        .and("DEVICES__DATABASE__LOCK_TIMEOUT_MS", 60_000)
        .and("DEVICES__DATABASE__STATEMENT_TIMEOUT_MS", 60_000);
    let api = Api::start_with(&options);
    let blocker = api.database.lock("devices");
    std::thread::scope(|scope| {
        let first = scope.spawn(|| api.post(&one()));
        api.database.wait_until_one_is_blocked();
        let second = api.post(&one());
        assert_eq!((second.status, second.header("retry-after")), (503, "1"));
        // Probes are not requests of clients.
        assert_eq!(api.get("/livez").status, 200);
        drop(blocker);
        assert_eq!(first.join().unwrap().status, 201);
    });
    assert_eq!(api.post(&one()).status, 201);
}

#[test]
fn one_export_too_many_is_a_503_at_once_and_its_place_is_given_back() {
    let options = ServerOptions::with("DEVICES__LIMITS__EXPORTS", 1)
        .and("DEVICES__DATABASE__LOCK_TIMEOUT_MS", 60_000)
        .and("DEVICES__DATABASE__STATEMENT_TIMEOUT_MS", 60_000);
    let api = Api::start_with(&options);
    let blocker = api.database.lock("devices");
    std::thread::scope(|scope| {
        let first = scope.spawn(|| api.ask("GET", "/devices/export"));
        api.database.wait_until_one_is_blocked();
        let second = api.ask("GET", "/devices/export");
        assert_eq!((second.status, second.header("retry-after")), (503, "1"));
        drop(blocker);
        assert_eq!(first.join().unwrap().status, 200);
    });
    assert_eq!(api.ask("GET", "/devices/export").status, 200);
}

#[test]
fn a_body_that_still_comes_takes_no_place_among_the_requests_in_flight() {
    let api = Api::start_with(&ServerOptions::with(
        "DEVICES__LIMITS__REQUESTS_IN_FLIGHT",
        1,
    ));
    let mut socket = api.begin_post(&["Expect: 100-continue", "Content-Length: 500"]);
    let mut asked = [0; 25];
    socket.read_exact(&mut asked).unwrap();
    // Its key is looked up meanwhile, and that takes one.
    assert!((0..100).any(|_| api.post(&one()).status == 201));
}

#[test]
fn a_body_that_trickles_is_given_up_before_its_time_is_over() {
    let options = ServerOptions::with("DEVICES__LIMITS__BODY_SECONDS", 60)
        .and("DEVICES__LIMITS__BODY_BYTES_PER_SECOND", 100_000);
    let api = Api::start_with(&options);
    let mut socket = api.begin_post(&["Content-Length: 500000", "Connection: close"]);
    let mut trickle = socket.try_clone().unwrap();
    let trickling = std::thread::spawn(move || {
        while trickle.write_all(b" ").is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let mut status = [0; 13];
    socket.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 408 ");
    drop(socket.shutdown(std::net::Shutdown::Both));
    trickling.join().unwrap();
}

#[test]
fn one_large_body_too_many_is_a_503_and_small_ones_are_not_disturbed() {
    let one = ServerOptions::with("DEVICES__LIMITS__LARGE_BODIES", 1);
    let api = Api::start_with(&one.and("DEVICES__LIMITS__LARGE_BODY_WAIT_MS", 0));
    let mut body = json!({"devices": [device(json!({"serial_number": "SN1"}))]}).to_string();
    body.push_str(&" ".repeat(100_000));
    let blocker = api.database.lock("devices_mdm");
    std::thread::scope(|scope| {
        let first = scope.spawn(|| api.post_text(body.clone()));
        api.database.wait_until_one_is_blocked();
        let announced = api.post_text(body.clone());
        let in_chunks = api.post_text(Body::new(Cursor::new(body.clone())));
        for answer in [announced, in_chunks] {
            assert_eq!((answer.status, answer.header("retry-after")), (503, "1"));
            assert_eq!(answer.json(), json!({"error": "SERVICE_UNAVAILABLE"}));
        }
        assert_eq!(api.post(&json!([device(json!({}))])).status, 201);
        drop(blocker);
        assert_eq!(first.join().unwrap().status, 201);
    });
    let again = api.post_text(body);
    assert_eq!(again.status, 400, "{}", again.text);
    assert_eq!(api.database.count("devices"), 2);
}

#[test]
fn large_bodies_that_come_at_once_wait_for_each_other() {
    let api = Api::start_with(&ServerOptions::with("DEVICES__LIMITS__LARGE_BODIES", 1));
    let mut body = json!({"devices": [device(json!({}))]}).to_string();
    body.push_str(&" ".repeat(100_000));
    let answers = race(8, |_| api.post_text(body.clone()).status);
    assert_eq!(answers, [201; 8]);
}
