//! The byte order mark that `bom=true` adds.

use devices_tests::{Api, Response};
use serde_json::json;

use super::{csv, export, export_accepting};

const BOM: char = '\u{FEFF}';

/// Requests an export, and returns its bytes. `Response` would drop a byte order mark.
fn bytes(api: &Api, query: &str) -> Vec<u8> {
    let request = api.request("GET", &format!("/devices/export{query}"));
    let response = request.bearer_auth(&api.key).send().unwrap();
    assert_eq!(response.status(), 200, "{query}");
    assert_eq!(
        response.headers()["content-type"],
        "text/csv; charset=utf-8; header=present"
    );
    response.bytes().unwrap().to_vec()
}

fn text(api: &Api, query: &str) -> String {
    String::from_utf8(bytes(api, query)).unwrap()
}

#[test]
fn csv_begins_with_one_byte_order_mark() {
    let api = Api::start();
    // More devices than the export reads at once.
    for batch in 0..3 {
        api.create_devices((0..200).map(|n| json!({"name": format!("é {batch} {n}")})));
    }
    for selection in ["", "&type=nothing"] {
        let plain = text(&api, &format!("?format=csv{selection}"));
        assert!(!plain.contains(BOM));
        assert!(plain.starts_with("name,"));
        let marked = bytes(&api, &format!("?format=csv&bom=true{selection}"));
        assert_eq!(marked[..3], [0xEF, 0xBB, 0xBF]);
        assert_eq!(marked[3..], *plain.as_bytes());
        assert_eq!(
            text(&api, &format!("?bom=false&format=csv{selection}")),
            plain
        );
        let count = csv(&plain).len();
        assert_eq!(count, if selection.is_empty() { 601 } else { 1 });
    }
}

#[test]
fn accept_header_selects_csv_for_bom() {
    let api = Api::start();
    let marked = export_accepting(&api, "?bom=true", &["text/csv"]);
    assert_eq!(marked.status, 200, "{}", marked.text);
    for accept in ["application/json", "application/x-ndjson", "*/*"] {
        let response = export_accepting(&api, "?bom=true", &[accept]);
        assert_bom_rejected(&response, accept);
    }
    let response = export_accepting(&api, "?bom=true", &["text/html"]);
    response.assert_error(406, "NOT_ACCEPTABLE");
}

fn assert_bom_rejected(response: &Response, case: &str) {
    let body = response.assert_parameters_rejected(&["bom"], case);
    assert_eq!(body["error"], "bom must be false unless the format is csv");
}

#[test]
fn bom_is_rejected_for_other_formats() {
    let api = Api::start();
    for format in ["json", "ndjson"] {
        let path = format!("/devices/export?format={format}&bom=true");
        assert_bom_rejected(&api.call("GET", &path), format);
        let plain = export(&api, &format!("?format={format}"));
        let explicit = export(&api, &format!("?format={format}&bom=false"));
        assert_eq!(explicit.text, plain.text);
    }
    for value in ["", "1", "TRUE", "yes", "%EF%BB%BF"] {
        let path = format!("/devices/export?format=csv&bom={value}");
        api.call("GET", &path)
            .assert_parameters_rejected(&["bom"], &path);
    }
    let both = api.call(
        "GET",
        "/devices/export?format=ndjson&bom=true&limit=1&type=",
    );
    both.assert_parameters_rejected(&["bom", "limit", "type"], "all errors");
    let list = api.call("GET", "/devices?bom=true");
    list.assert_parameters_rejected(&["bom"], "a list has no byte order mark");
}
