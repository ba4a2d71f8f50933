//! Limits of imports.

use std::io::{Read, Write};
use std::net::TcpStream;

use devices_tests::{Api, Form, ServerOptions, execute, send};
use serde_json::json;

use super::{import, valid_rows};

#[test]
fn file_with_too_many_rows_is_rejected() {
    let options = ServerOptions::with("DEVICES__LIMITS__MAX_IMPORT_ROWS", 3);
    let api = Api::start_with(&options);
    assert_eq!(import(&api, valid_rows(3)).status, 201);
    let response = import(&api, valid_rows(4));
    assert_eq!(response.status, 400, "{}", response.text);
    assert_eq!(response.json()["reason"], "too_many_rows");
}

#[test]
fn import_may_exceed_the_limits_of_batches() {
    let options = ServerOptions::with("DEVICES__LIMITS__MAX_DEVICES_PER_BATCH", 1)
        .and("DEVICES__LIMITS__BODY_BYTES", 1_024);
    let api = Api::start_with(&options);
    let response = import(&api, valid_rows(500));
    assert_eq!(response.status, 201, "{}", response.text);
    assert_eq!(response.json()["data"]["batch"]["created"], 500);
}

#[test]
fn import_over_the_concurrency_limit_is_rejected() {
    let options = ServerOptions::with("DEVICES__LIMITS__MAX_CONCURRENT_IMPORTS", 1)
        .and("DEVICES__LIMITS__LARGE_BODY_WAIT_MS", 100)
        .and("DEVICES__DATABASE__STATEMENT_TIMEOUT_MS", 60_000)
        .and("DEVICES__DATABASE__LOCK_TIMEOUT_MS", 60_000);
    let api = Api::start_with(&options);
    let mut blocker = api.database.connect();
    // A lock of the whole table would also stop background jobs, which use the same pool.
    execute(
        &mut blocker,
        "BEGIN; INSERT INTO devices (workspace_id, name, type, category, is_rented, compliance, \
                                     connection_type, serial_number, serial_number_folded) \
         VALUES (1, 'x', 'x', 'x', false, '{}', '{}', 'SN-00001', 'SN-00001')",
    );
    std::thread::scope(|scope| {
        let stored = scope.spawn(|| import(&api, valid_rows(1)));
        api.server.wait_for_metric("devices_imports 1");
        for path in ["/devices/import", "/devices/import/validate"] {
            let response = api.send_form(path, valid_rows(1));
            response.assert_error(503, "SERVICE_UNAVAILABLE");
            assert_eq!(response.header("retry-after"), "1");
        }
        // Other requests have their own limits.
        assert_eq!(api.call("GET", "/devices").status, 200);
        drop(blocker);
        assert_eq!(stored.join().unwrap().status, 201);
    });
    api.server.wait_for_metric("devices_imports 0");
    assert_eq!(
        import(&api, valid_rows(2).with_options(&skip())).status,
        200
    );
}

fn skip() -> serde_json::Value {
    json!({"on_conflict": "skip"})
}

#[test]
fn slow_uploads_do_not_prevent_imports() {
    let options = ServerOptions::with("DEVICES__LIMITS__MAX_CONCURRENT_IMPORTS", 1)
        .and("DEVICES__LIMITS__LARGE_BODY_WAIT_MS", 100);
    let api = Api::start_with(&options);
    // A workspace holds at most half of the 32 x 4 MiB / 16 MiB = 8 uploads.
    let uploads: Vec<_> = (0..4).map(|_| begin_upload(&api, 200_000)).collect();
    api.server.wait_for_metric("devices_uploads 4");
    assert_eq!(import(&api, valid_rows(1)).status, 201);
    let large = || valid_rows(5_000);
    import(&api, large()).assert_error(503, "SERVICE_UNAVAILABLE");
    api.create_workspace("other");
    let key = api.create_key("other", "WRITE");
    let form = large();
    let request = api.request("POST", "/devices/import").bearer_auth(&key);
    let request = request.header("Content-Type", Form::content_type());
    let response = send(request.body(form.into_body()));
    assert_eq!(response.status, 201, "{}", response.text);
    // None of the slow ones has timed out.
    api.server.wait_for_metric("devices_uploads 4");
    drop(uploads);
    api.server.wait_for_metric("devices_uploads 0");
    let stored = import(&api, large().with_options(&skip()));
    assert_eq!(stored.status, 200, "{}", stored.text);
}

#[test]
fn slow_upload_times_out() {
    let options = ServerOptions::with("DEVICES__LIMITS__BODY_TIMEOUT_SECONDS", 1)
        .and("DEVICES__LIMITS__MAX_IMPORT_BYTES", 4 << 20);
    let api = Api::start_with(&options);
    let mut response = String::new();
    let mut upload = begin_upload(&api, 200_000);
    upload.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 408"), "{response}");
    api.server.wait_for_metric("devices_uploads 0");
}

/// Sends three quarters of a large file, and nothing else. The minimum rate then allows a pause of
/// many seconds.
fn begin_upload(api: &Api, length: usize) -> TcpStream {
    let mut socket = TcpStream::connect(api.server.address()).unwrap();
    let head = format!(
        "POST /devices/import HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\n\
         Content-Type: {}\r\nContent-Length: {length}\r\n\r\n",
        api.key,
        Form::content_type()
    );
    socket.write_all(head.as_bytes()).unwrap();
    let form = valid_rows(1).into_body();
    let head_end = form.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let mut part = form[..head_end.unwrap() + 4].to_vec();
    part.resize(length * 3 / 4, b'x');
    socket.write_all(&part).unwrap();
    socket
}
