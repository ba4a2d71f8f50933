//! Content negotiation.

use std::io::{Read, Write};
use std::net::TcpStream;

use devices_tests::Api;
use serde_json::json;

use super::{accepting, format_of, names};

#[test]
fn the_format_is_the_one_that_the_client_likes_best() {
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
        let answer = accepting(&api, "", &accept);
        assert_eq!(answer.status, 200, "{accept:?}: {}", answer.text);
        assert_eq!(format_of(&answer), format, "{accept:?}");
        assert_eq!(names(&answer), ["XPS 13"], "{accept:?}");
    }
    // None at all, which no client library sends.
    let mut socket = TcpStream::connect(api.server.address()).unwrap();
    let head = format!(
        "GET /devices/export HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\n\
         Connection: close\r\n\r\n",
        api.key
    );
    socket.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let answer = answer.to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 200 "), "{answer}");
    assert!(
        answer.contains("content-type: application/json"),
        "{answer}"
    );
}

/// Refused in JSON, without a file's name.
fn assert_not_acceptable(api: &Api, accept: &str) {
    let answer = accepting(api, "", &[accept]);
    assert_eq!(answer.status, 406, "{accept}: {}", answer.text);
    assert_eq!(answer.json(), json!({"error": "NOT_ACCEPTABLE"}));
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("content-disposition"), "");
}

#[test]
fn what_is_not_written_here_is_not_acceptable() {
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
fn a_quality_of_zero_is_not_acceptable() {
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
fn what_is_refused_by_name_is_not_sent_for_a_wildcard() {
    // RFC 9110, 12.5.1: the most specific range that matches a type decides about it.
    let api = Api::start();
    api.create_device(json!({}));
    for (accept, refused) in [
        ("*/*, application/json;q=0", "json"),
        ("application/json;q=0, */*;q=0.5", "json"),
        ("text/csv;q=0, text/*, application/x-ndjson;q=0.1", "csv"),
    ] {
        let answer = accepting(&api, "", &[accept]);
        assert_eq!(answer.status, 200, "{accept}: {}", answer.text);
        assert_ne!(format_of(&answer), refused, "{accept}");
    }
}

#[test]
fn what_a_query_says_counts_before_what_is_accepted() {
    let api = Api::start();
    for format in ["json", "ndjson", "csv"] {
        for accept in ["text/html", "application/json", "text/csv", "*/*;q=0"] {
            let answer = accepting(&api, &format!("?format={format}"), &[accept]);
            assert_eq!(answer.status, 200, "{accept}: {}", answer.text);
            assert_eq!(format_of(&answer), format);
        }
    }
}
