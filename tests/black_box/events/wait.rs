//! `Prefer: wait`: requests that wait for events.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use devices_tests::{Api, Response, Server, ServerOptions, send};
use serde_json::{Value, json};

use super::{after, cursor, end_of_feed, events};

/// Reads the feed after a cursor, with this preference.
fn get(api: &Api, cursor: &str, preference: &str) -> Response {
    api.call_with("GET", &after(cursor), &[("Prefer", preference)])
}

/// Returns the number of waiting requests that the server reports.
fn waiting(server: &Server) -> usize {
    let metrics = server.metrics();
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix("devices_waiting_requests "));
    line.map_or(0, |count| count.parse().unwrap())
}

/// Waits until the server reports this number of waiting requests.
#[track_caller]
fn wait_for_waiting(server: &Server, count: usize) {
    let deadline = Instant::now() + devices_tests::TIMEOUT;
    while waiting(server) != count {
        assert!(Instant::now() < deadline, "{} wait", waiting(server));
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Sends the head of a request that waits. Returns the socket.
fn begin(api: &Api, cursor: &str, seconds: u32) -> TcpStream {
    let mut socket = TcpStream::connect(api.server.address()).unwrap();
    let head = format!(
        "GET {} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\nPrefer: wait={seconds}\r\n\r\n",
        after(cursor),
        api.key
    );
    socket.write_all(head.as_bytes()).unwrap();
    socket
}

#[test]
fn event_ends_the_wait() {
    let api = Api::start();
    let second = Server::start_with(&api.database, &ServerOptions::default());
    let end = end_of_feed(&api);
    let started = Instant::now();
    let (page, device) = std::thread::scope(|scope| {
        // Longer waits count as 60 seconds.
        let page = scope.spawn(|| get(&api, &end, "wait=3600"));
        wait_for_waiting(&api.server, 1);
        let body = json!({"devices": [devices_tests::device(json!({}))]});
        let post = reqwest::blocking::Client::new().post(second.url("/devices"));
        let created = send(post.bearer_auth(&api.key).json(&body)).created_devices();
        (page.join().unwrap(), created[0]["id"].clone())
    });
    assert!(started.elapsed() < Duration::from_secs(40));
    assert_eq!(page.header("preference-applied"), "wait=60");
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(events(&page)[0]["device_ids"], json!([device]));
    wait_for_waiting(&api.server, 0);
}

#[test]
fn wait_without_event_ends_in_time() {
    let api = Api::start();
    let end = end_of_feed(&api);
    let started = Instant::now();
    let page = get(&api, &end, "wait=1");
    let in_time = Duration::from_secs(1)..Duration::from_secs(30);
    assert!(in_time.contains(&started.elapsed()));
    assert_eq!(events(&page), [] as [Value; 0]);
    assert_eq!(cursor(&page), end);
    assert_eq!(page.header("preference-applied"), "wait=1");
    // No request waits for events of another type longer either.
    api.create_device(json!({}));
    let path = format!("{}&type=user.created", after(&end));
    let started = Instant::now();
    let page = api.call_with("GET", &path, &[("Prefer", "wait=1")]);
    assert!(in_time.contains(&started.elapsed()));
    assert_eq!(events(&page), [] as [Value; 0]);
    assert_eq!(page.header("preference-applied"), "wait=1");
    assert_ne!(cursor(&page), end);
}

#[test]
fn request_with_events_does_not_wait() {
    let api = Api::start();
    let start = end_of_feed(&api);
    api.create_device(json!({}));
    for preference in ["wait=60", "wait=0", "wait=-1", "wait=soon", "wait"] {
        let page = get(&api, &start, preference);
        assert_eq!(events(&page).len(), 1);
        assert_eq!(page.header("preference-applied"), "", "{preference}");
    }
    let end = end_of_feed(&api);
    for preference in ["wait=0", "wait=-1", "wait=soon", "wait"] {
        let page = get(&api, &end, preference);
        assert_eq!(page.header("preference-applied"), "", "{preference}");
    }
}

#[test]
fn waiting_requests_hold_no_connection() {
    let one_connection = ServerOptions::with("DEVICES__DATABASE__POOL_SIZE", 1)
        .and("DEVICES__LIMITS__MAX_REQUESTS_IN_FLIGHT", 2);
    let api = Api::start_with(&one_connection);
    let end = end_of_feed(&api);
    let begin_next = |count| {
        // One after the other: the reads before the waits are requests in flight.
        let socket = begin(&api, &end, 60);
        wait_for_waiting(&api.server, count);
        socket
    };
    let sockets: Vec<_> = (1..=20).map(begin_next).collect();
    api.create_device(json!({}));
    for mut socket in sockets {
        assert_eq!(read_status(&mut socket), 200);
    }
}

/// Reads the status of a response. Leaves the rest unread.
fn read_status(socket: &mut TcpStream) -> u16 {
    socket
        .set_read_timeout(Some(devices_tests::TIMEOUT))
        .unwrap();
    let mut head = [0; 12];
    socket.read_exact(&mut head).unwrap();
    std::str::from_utf8(&head[9..]).unwrap().parse().unwrap()
}

#[test]
fn waiting_requests_of_a_workspace_are_bounded() {
    let options = ServerOptions::with("DEVICES__LIMITS__MAX_WAITING_REQUESTS", 40);
    let api = Api::start_with(&options);
    let end = end_of_feed(&api);
    let sockets: Vec<_> = (0..20).map(|_| begin(&api, &end, 60)).collect();
    wait_for_waiting(&api.server, 20);
    let started = Instant::now();
    for _ in 0..980 {
        let page = get(&api, &end, "wait=60");
        assert_eq!(page.header("preference-applied"), "");
        assert_eq!(cursor(&page), end);
    }
    assert!(started.elapsed() < Duration::from_secs(60));
    assert_eq!(waiting(&api.server), 20);
    // Other requests and other workspaces are served.
    api.create_workspace("globex");
    let globex = api.create_key("globex", "READ");
    let request = api.request("GET", "/events").bearer_auth(&globex);
    let page = send(request.header("Prefer", "wait=1"));
    assert_eq!(page.header("preference-applied"), "wait=1");
    drop(sockets);
}

#[test]
fn disconnected_client_frees_its_place() {
    let options = ServerOptions::with("DEVICES__LIMITS__MAX_WAITING_REQUESTS", 2);
    let api = Api::start_with(&options);
    let end = end_of_feed(&api);
    for _ in 0..3 {
        let socket = begin(&api, &end, 60);
        wait_for_waiting(&api.server, 1);
        drop(socket);
        wait_for_waiting(&api.server, 0);
    }
    // A client that closes only its half of the connection gets a response.
    let mut socket = begin(&api, &end, 60);
    wait_for_waiting(&api.server, 1);
    socket.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_status(&mut socket), 200);
}

#[test]
fn shutdown_ends_the_wait() {
    let mut api = Api::start();
    let end = end_of_feed(&api);
    let mut socket = begin(&api, &end, 60);
    wait_for_waiting(&api.server, 1);
    let started = Instant::now();
    api.server.signal("TERM");
    let mut response = String::new();
    socket.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    assert!(
        response.contains(r#""data":[]"#) && response.contains(&end),
        "{response}"
    );
    assert!(api.server.wait().success());
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[test]
fn key_that_is_revoked_during_the_wait_gets_nothing() {
    let api = Api::start();
    let read = api.create_key("acme", "READ");
    let end = end_of_feed(&api);
    let page = std::thread::scope(|scope| {
        let page = scope.spawn(|| {
            let request = api.request("GET", &after(&end)).bearer_auth(&read);
            send(request.header("Prefer", "wait=60"))
        });
        wait_for_waiting(&api.server, 1);
        api.database
            .execute("UPDATE api_keys SET revoked_at = now() WHERE scope = 'READ'");
        api.create_device(json!({}));
        page.join().unwrap()
    });
    page.assert_error(401, "UNAUTHORIZED");
}

#[test]
fn lag_is_reported() {
    let api = Api::start();
    for name in ["devices_event_feed_lag_seconds", "devices_waiting_requests"] {
        api.server.wait_for_metric(&format!("{name} 0"));
    }
}
