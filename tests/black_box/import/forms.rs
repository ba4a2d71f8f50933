//! Malformed and unusual forms.

use std::io::{Cursor, Read, Write};

use devices_tests::{Api, Form, ServerOptions, send};
use reqwest::blocking::Body;
use serde_json::json;

use super::{HEADER, import, valid_rows};

const ROW: &str = "SN-00001,Laptop 00001,laptop,computers";

/// Asserts that a form is rejected with an error of this field.
#[track_caller]
fn assert_rejected(api: &Api, form: Form, field: &str, reason: &str) -> serde_json::Value {
    let response = import(api, form);
    assert_eq!(response.status, 400, "{}", response.text);
    let error = response.json()["errors"][0].clone();
    assert_eq!(error["code"], "INVALID_BODY", "{error}");
    assert_eq!(
        [&error["field"], &error["reason"]],
        [field, reason],
        "{error}"
    );
    error
}

#[test]
fn parts_may_be_in_any_order() {
    let api = Api::start();
    let options = json!({"atomic": false});
    let file = format!("{HEADER}\n{ROW}\n");
    let form = Form::default()
        .with_options(&options)
        .with_file("a.csv", file);
    assert_eq!(import(&api, form).status, 207);
}

#[test]
fn form_needs_exactly_one_file() {
    let api = Api::start();
    assert_rejected(&api, Form::default(), "file", "required");
    let options = Form::default().with_options(&json!({}));
    assert_rejected(&api, options, "file", "required");
    let twice = valid_rows(1).with_file("b.csv", "x");
    assert_rejected(&api, twice, "file", "repeated_field");
    let twice = valid_rows(1)
        .with_options(&json!({}))
        .with_options(&json!({}));
    assert_rejected(&api, twice, "options", "repeated_field");
}

#[test]
fn unknown_part_is_rejected_with_the_nearest_name() {
    let api = Api::start();
    let part = |name: &str| {
        let head = format!("Content-Disposition: form-data; name=\"{name}\"");
        valid_rows(1).with_part(&head, "x")
    };
    let error = assert_rejected(&api, part("option"), "option", "unknown_field");
    assert_eq!(error["did_you_mean"], "options");
    assert_rejected(&api, part("dry_run"), "dry_run", "unknown_field");
    assert_eq!(api.database.count("devices"), 0);
}

#[test]
fn form_with_many_parts_is_rejected() {
    let api = Api::start();
    let form = |count: usize| {
        let head = "Content-Disposition: form-data; name=\"x\"";
        (0..count).fold(valid_rows(1), |form, _| form.with_part(head, ""))
    };
    let response = import(&api, form(19));
    assert_eq!(response.json()["errors_total"], 19, "{}", response.text);
    let response = import(&api, form(50_000));
    assert_eq!(response.status, 400, "{}", response.text);
    assert_eq!(response.json()["errors_total"], 1, "{}", response.text);
    let message = response.json()["errors"][0]["message"].to_string();
    assert!(message.contains("has too many parts"), "{message}");
}

#[test]
fn malformed_forms_are_rejected() {
    let api = Api::start();
    let nameless = Form::default().with_part("Content-Disposition: form-data", "x");
    let without_head = Form::default().with_part("X-Nothing: 1", "x");
    let control = Form::default().with_part(
        "Content-Disposition: form-data; name=\"file\"; filename=\"a\u{1}b.csv\"",
        "x",
    );
    let mut in_latin_1 = Form::of_file("Ger~te.csv", "x").into_body();
    let umlaut = in_latin_1.iter_mut().find(|byte| **byte == b'~').unwrap();
    *umlaut = 0xe4;
    let body = valid_rows(1).into_body();
    let mut bodies = vec![nameless, without_head, control]
        .into_iter()
        .map(Form::into_body);
    let bodies: Vec<_> = bodies
        .by_ref()
        .chain([
            in_latin_1,
            Vec::new(),
            b"no form".to_vec(),
            body[..body.len() / 2].to_vec(),
        ])
        .collect();
    for body in bodies {
        let text = String::from_utf8_lossy(&body).into_owned();
        let request = api.request("POST", "/devices/import").bearer_auth(&api.key);
        let request = request.header("Content-Type", Form::content_type());
        let response = send(request.body(body));
        assert_eq!(response.status, 400, "{text}: {}", response.text);
        assert_eq!(
            response.json()["errors"][0]["reason"],
            "malformed",
            "{text}"
        );
    }
}

#[test]
fn form_without_boundary_is_rejected() {
    let api = Api::start();
    for content_type in [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=another",
    ] {
        let request = api.request("POST", "/devices/import").bearer_auth(&api.key);
        let request = request.header("Content-Type", content_type);
        let response = send(request.body(valid_rows(1).into_body()));
        assert_eq!(response.status, 400, "{content_type}: {}", response.text);
        let error = response.json()["errors"][0].clone();
        assert_eq!(error["reason"], "malformed", "{content_type}");
    }
}

#[test]
fn other_media_types_are_rejected() {
    let api = Api::start();
    for headers in [
        &[("Content-Type", "text/csv")][..],
        &[("Content-Type", "application/json")],
        &[("Content-Type", "multipart/mixed; boundary=x")],
        &[],
        &[
            ("Content-Type", "multipart/form-data; boundary=x"),
            ("Content-Type", "text/csv"),
        ],
        &[
            ("Content-Type", "multipart/form-data; boundary=x"),
            ("Content-Encoding", "gzip"),
        ],
    ] {
        for path in ["/devices/import", "/devices/import/validate"] {
            let mut request = api.request("POST", path).bearer_auth(&api.key);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let response = send(request.body("x"));
            response.assert_media_type_rejected(&["multipart/form-data"], &format!("{headers:?}"));
        }
    }
}

#[test]
fn file_over_its_limit_is_rejected() {
    let options = ServerOptions::with("DEVICES__LIMITS__MAX_IMPORT_BYTES", 100_000);
    let api = Api::start_with(&options);
    let at_limit = format!(
        "{HEADER}\n{ROW}{}\n",
        " ".repeat(99_999 - HEADER.len() - ROW.len() - 1)
    );
    assert_eq!(at_limit.len(), 100_000);
    assert_eq!(import(&api, Form::of_file("a.csv", &at_limit)).status, 201);
    let too_large = Form::of_file("a.csv", at_limit + "\n");
    import(&api, too_large).assert_too_large();
    let far_too_large = || Form::of_file("a.csv", vec![b'x'; 1 << 20]);
    import(&api, far_too_large()).assert_too_large();
    // Without Content-Length, the bytes are counted.
    let request = api.request("POST", "/devices/import").bearer_auth(&api.key);
    let request = request.header("Content-Type", Form::content_type());
    let chunked = Body::new(Cursor::new(far_too_large().into_body()));
    send(request.body(chunked)).assert_too_large();
}

#[test]
fn options_over_their_limit_are_rejected() {
    let api = Api::start();
    let options = json!({"defaults": {"comment": "x".repeat(300_000)}});
    let response = import(&api, valid_rows(1).with_options(&options));
    response.assert_too_large();
}

#[test]
fn chunked_form_in_small_pieces_is_read() {
    let api = Api::start();
    let body = valid_rows(20)
        .with_options(&json!({"atomic": false}))
        .into_body();
    let mut socket = std::net::TcpStream::connect(api.server.address()).unwrap();
    let head = format!(
        "POST /devices/import HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\n\
         Content-Type: {}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        api.key,
        Form::content_type()
    );
    socket.write_all(head.as_bytes()).unwrap();
    for piece in body.chunks(7) {
        write!(socket, "{:x}\r\n", piece.len()).unwrap();
        socket.write_all(piece).unwrap();
        socket.write_all(b"\r\n").unwrap();
    }
    socket.write_all(b"0\r\n\r\n").unwrap();
    let mut response = String::new();
    socket.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 207"), "{response}");
}
