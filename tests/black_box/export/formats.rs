//! Selection of the format by `Accept` and by the parameter `format`.

use std::io::{Read, Write};
use std::net::TcpStream;

use devices_tests::Api;
use serde_json::json;

use super::{export_accepting, format_of, names};

#[test]
fn accept_header_selects_format() {
    let api = Api::start();
    api.create_device(json!({}));
    for (accept, format) in [
        (vec!["application/json"], "json"),
        (vec!["application/x-ndjson"], "ndjson"),
        (vec!["text/csv"], "csv"),
        (vec!["TEXT/CSV"], "csv"),
        (vec!["text/csv; charset=utf-8"], "csv"),
        (vec!["*/*"], "json"),
        (vec!["application/*"], "json"),
        (vec!["text/*"], "csv"),
        (vec!["text/html, text/csv"], "csv"),
        (vec!["text/html, application/xhtml+xml, */*;q=0.8"], "json"),
        (vec!["text/csv;q=0.5, application/x-ndjson"], "ndjson"),
        (vec!["text/csv, application/json;q=0.9"], "csv"),
        (vec!["application/json;q=0.2, text/csv;q=0.3"], "csv"),
        (vec!["*/*;q=0.1, text/csv"], "csv"),
        (vec!["*/*, text/csv;q=0.5"], "json"),
        (vec!["application/json;q=0, text/csv;q=0.001"], "csv"),
        (vec!["text/html", "text/csv"], "csv"),
    ] {
        let response = export_accepting(&api, "", &accept);
        assert_eq!(response.status, 200, "{accept:?}: {}", response.text);
        assert_eq!(format_of(&response), format, "{accept:?}");
        assert_eq!(names(&response), ["XPS 13"], "{accept:?}");
    }
    // Without the header. reqwest always sends one.
    let mut socket = TcpStream::connect(api.server.address()).unwrap();
    let head = format!(
        "GET /devices/export HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\n\
         Connection: close\r\n\r\n",
        api.key
    );
    socket.write_all(head.as_bytes()).unwrap();
    let mut response = String::new();
    socket.read_to_string(&mut response).unwrap();
    let response = response.to_ascii_lowercase();
    assert!(response.starts_with("http/1.1 200 "), "{response}");
    assert!(
        response.contains("content-type: application/json"),
        "{response}"
    );
}

/// Asserts a 406 with a JSON body and without a file name.
fn assert_not_acceptable(api: &Api, accept: &str) {
    let response = export_accepting(api, "", &[accept]);
    assert_eq!(response.status, 406, "{accept}: {}", response.text);
    assert_eq!(response.json(), json!({"error": "NOT_ACCEPTABLE"}));
    assert_eq!(response.header("content-type"), "application/json");
    assert_eq!(response.header("content-disposition"), "");
}

#[test]
fn unsupported_type_returns_406() {
    let api = Api::start();
    api.create_device(json!({}));
    for accept in [
        "text/html",
        "application/xml",
        "text/plain, image/*",
        "application/vnd.ms-excel",
        "application/json-seq",
    ] {
        assert_not_acceptable(&api, accept);
    }
}

#[test]
fn quality_zero_is_not_acceptable() {
    // RFC 9110, 12.4.2: "a value of 0 means not acceptable".
    let api = Api::start();
    api.create_device(json!({}));
    for accept in [
        "application/json;q=0",
        "text/csv;q=0.0",
        "*/*;q=0",
        "text/html, application/json;q=0.000",
    ] {
        assert_not_acceptable(&api, accept);
    }
}

#[test]
fn wildcard_does_not_select_excluded_type() {
    // RFC 9110, 12.5.1: the most specific range that matches a type decides about it.
    let api = Api::start();
    api.create_device(json!({}));
    for (accept, excluded) in [
        ("*/*, application/json;q=0", "json"),
        ("application/json;q=0, */*;q=0.5", "json"),
        ("text/csv;q=0, text/*, application/x-ndjson;q=0.1", "csv"),
    ] {
        let response = export_accepting(&api, "", &[accept]);
        assert_eq!(response.status, 200, "{accept}: {}", response.text);
        assert_ne!(format_of(&response), excluded, "{accept}");
    }
}

#[test]
fn format_parameter_overrides_accept_header() {
    let api = Api::start();
    for format in ["json", "ndjson", "csv"] {
        for accept in ["text/html", "application/json", "text/csv", "*/*;q=0"] {
            let response = export_accepting(&api, &format!("?format={format}"), &[accept]);
            assert_eq!(response.status, 200, "{accept}: {}", response.text);
            assert_eq!(format_of(&response), format);
        }
    }
}
