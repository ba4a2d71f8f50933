//! Query parameters that `GET /devices` rejects.

use devices_tests::Api;
use serde_json::{Value, json};

use super::{create_many, names};

/// Asserts that exactly these parameters are rejected, in any order. Returns the body.
fn assert_rejected(api: &Api, query: &str, fields: &[&str]) -> Value {
    let path = format!("/devices?{query}");
    let response = api.call("GET", &path);
    response.assert_parameters_rejected(fields, &path)
}

fn assert_reason(api: &Api, query: &str, field: &str, reason: &str) -> Value {
    let body = assert_rejected(api, query, &[field]);
    assert_eq!(body["errors"][0]["reason"], reason, "{query}: {body}");
    body
}

#[test]
fn parameter_out_of_range_is_rejected() {
    let api = Api::start();
    let body = assert_reason(&api, "limit=0", "limit", "out_of_range");
    assert_eq!(
        body,
        json!({
            "error": "limit must be an integer from 1 to 100",
            "errors": [{
                "index": null, "pointer": "", "field": "limit", "code": "INVALID_PARAMETER",
                "reason": "out_of_range", "message": "limit must be an integer from 1 to 100",
            }],
            "errors_total": 1,
        })
    );
    assert_reason(&api, "limit=101", "limit", "out_of_range");
    for value in [
        "-1",
        "abc",
        "1.5",
        "",
        "%20",
        "1e1",
        "0x10",
        "%2B5",
        "+5",
        "5%00",
        "%D9%A5",
        "99999999999999999999",
        "-99999999999999999999",
    ] {
        assert_rejected(&api, &format!("limit={value}"), &["limit"]);
    }
    assert_rejected(&api, "limit", &["limit"]);
    for value in ["-1", "abc", "1.5", "", "9223372036854775808"] {
        assert_rejected(&api, &format!("offset={value}"), &["offset"]);
    }
    for value in ["0", "-1", "abc", "1.5", "", "9223372036854775808"] {
        assert_rejected(&api, &format!("user_id={value}"), &["user_id"]);
    }
}

#[test]
fn invalid_filter_value_is_rejected() {
    let api = Api::start();
    for (field, values) in [
        (
            "client_status",
            vec!["available", "In_Service", "LOST", "IN%20SERVICE", ""],
        ),
        ("serial_number", vec!["", "%20", "%E3%80%80"]),
        ("type", vec!["a%00b"]),
        ("category", vec!["a%00b"]),
        (
            "updated_since",
            vec![
                "yesterday",
                "",
                "2026-13-01",
                "2026-02-30",
                "2026-01-31T08:00:00",
                "2026-01-31T25:00:00Z",
                "31.01.2026",
                "0000-01-01",
                "10000-01-01",
                "1769846400",
            ],
        ),
    ] {
        for value in values {
            assert_rejected(&api, &format!("{field}={value}"), &[field]);
        }
    }
    assert_reason(
        &api,
        "client_status=available",
        "client_status",
        "not_in_enum",
    );
    let long = "x".repeat(256);
    assert_rejected(&api, &format!("type={long}"), &["type"]);
    assert_rejected(&api, &format!("category={long}"), &["category"]);
    assert_rejected(&api, &format!("search={long}"), &["search"]);
    assert_rejected(&api, "search=a%00b", &["search"]);
    assert_eq!(api.get_json("/devices?search=")["data"], json!([]));
    assert_eq!(api.get_json("/devices?search=%20%20")["data"], json!([]));
}

#[test]
fn blank_type_or_category_is_rejected() {
    let api = Api::start();
    // Like `serial_number=`: a blank value can neither match nor mean "no filter".
    for query in ["type=", "type=%20", "category=", "category=%20"] {
        let (field, _) = query.split_once('=').unwrap();
        assert_rejected(&api, query, &[field]);
    }
}

#[test]
fn repeated_parameter_is_rejected() {
    let api = Api::start();
    for (query, field) in [
        ("limit=5&limit=5", "limit"),
        ("limit=5&offset=1&limit=6", "limit"),
        ("limit=5&limit=5&limit=5", "limit"),
        ("offset=1&offset=1", "offset"),
        ("type=laptop&type=phone", "type"),
        (
            "client_status=AVAILABLE&client_status=IN_SERVICE",
            "client_status",
        ),
        ("user_id=1&user_id=1", "user_id"),
        ("search=a&search=b", "search"),
        ("li%6Dit=5&limit=5", "limit"),
        (
            "updated_since=2026-01-31&updated_since=2026-01-31",
            "updated_since",
        ),
    ] {
        assert_reason(&api, query, field, "repeated_field");
    }
}

#[test]
fn unknown_parameter_error_suggests_known_one() {
    let api = Api::start();
    for (name, suggestion) in [
        ("limt", json!("limit")),
        ("serial", Value::Null),
        ("Limit", json!("limit")),
        ("serialnumber", json!("serial_number")),
        ("client-status", json!("client_status")),
        ("user_ids", json!("user_id")),
        ("updated_sinse", json!("updated_since")),
        ("zzzzzzzzzzzz", Value::Null),
    ] {
        let body = assert_reason(&api, &format!("{name}=1"), name, "unknown_field");
        if !suggestion.is_null() {
            assert_eq!(body["errors"][0]["did_you_mean"], suggestion, "{body}");
        }
        let message = body["error"].as_str().unwrap();
        assert_eq!(
            message.contains("did you mean"),
            body["errors"][0]["did_you_mean"].is_string(),
            "{message}"
        );
    }
    // `format` is a parameter of the export only.
    assert_reason(&api, "format=csv", "format", "unknown_field");
    // The message shortens an overlong name.
    let response = api.call("GET", &format!("/devices?{}=1", "x".repeat(5_000)));
    assert_eq!(response.status, 400, "{}", response.text);
    assert!(response.text.len() < 2_000, "{}", response.text);
}

#[test]
fn list_reports_all_parameter_errors() {
    let api = Api::start();
    assert_rejected(
        &api,
        "limit=0&offset=-1&cursor=x&user_id=0&client_status=available&serial_number=\
         &type=%00&category=%00&updated_since=yesterday&search=%00&page=2&type_=laptop",
        &[
            "limit",
            "offset",
            "cursor",
            "user_id",
            "client_status",
            "serial_number",
            "type",
            "category",
            "updated_since",
            "search",
            "page",
            "type_",
        ],
    );
}

/// Asserts that the only error is this unknown name, which messages show in quotes.
#[track_caller]
fn assert_unknown_name(api: &Api, path: &str, name: &str) {
    let response = api.call("GET", path);
    assert_eq!(response.status, 400, "{path}: {}", response.text);
    let body = response.json();
    assert_eq!(body["errors_total"], 1, "{path}: {body}");
    assert_eq!(body["errors"][0]["field"], name, "{path}");
    assert_eq!(body["errors"][0]["reason"], "unknown_field", "{path}");
    let message = format!("unknown query parameter {name:?}");
    let error = body["error"].as_str().unwrap_or_default();
    assert!(error.starts_with(&message), "{path}: {error}");
}

#[test]
fn query_that_is_not_utf8_is_rejected() {
    let api = Api::start();
    create_many(&api, 1);
    api.add_user("acme", "ada@example.com");
    for path in ["/devices", "/devices/export", "/users", "/mdm/enrollments"] {
        let parameters: &[_] = match path {
            "/devices" => &["search", "type", "serial_number", "limit", "cursor"],
            "/devices/export" => &["search", "type", "serial_number", "format"],
            "/users" => &["search", "limit", "offset"],
            _ => &["linked", "limit", "offset"],
        };
        for parameter in parameters {
            // A lone byte, a truncated and an overlong sequence, a surrogate, and Latin-1.
            for value in [
                "%FF",
                "%C3%28",
                "a%E2%82",
                "%C0%80",
                "%ED%A0%80",
                "M%FCller",
            ] {
                let path = format!("{path}?{parameter}={value}");
                let response = api.call("GET", &path);
                let body = response.assert_parameters_rejected(&[parameter], &path);
                assert_eq!(body["errors"][0]["reason"], "not_utf8", "{path}");
            }
        }
        for (query, name) in [
            ("%FF=1", "%FF"),
            ("search%FF=1", "search%FF"),
            ("%C3%28", "%C3%28"),
        ] {
            assert_unknown_name(&api, &format!("{path}?{query}"), name);
        }
        assert_eq!(api.call("HEAD", &format!("{path}?limit=%FF")).status, 400);
    }
    // A repeated parameter is rejected as such.
    assert_reason(&api, "type=%FF&type=a", "type", "repeated_field");
    assert_rejected(
        &api,
        "type=%FF&category=%FF&page=%FF",
        &["type", "category", "page"],
    );
}

#[test]
fn query_encoding_is_read_leniently() {
    let api = Api::start();
    api.create_device(json!({"type": "a b", "category": "é%"}));
    for query in [
        "type=a+b",
        "type=a%20b",
        "ty%70e=a%20b",
        "category=%C3%A9%",
        "category=%C3%A9%25",
        "category=é%",
        "&&limit=1&",
    ] {
        assert_eq!(
            names(&api.get_json(&format!("/devices?{query}"))).len(),
            1,
            "{query}"
        );
    }
    // A `%` without two hexadecimal digits stands for itself.
    assert_eq!(api.get_json("/devices?type=%zz")["data"], json!([]));
    for query in ["=", "=1"] {
        assert_unknown_name(&api, &format!("/devices?{query}"), "");
    }
}

#[test]
fn tampered_cursor_is_rejected() {
    let api = Api::start();
    create_many(&api, 3);
    let valid = api.page("/devices?limit=1").next_cursor();
    assert_eq!(
        names(&api.get_json(&format!("/devices?cursor={valid}"))).len(),
        2
    );
    for at in 0..valid.len() {
        let old = valid.as_bytes()[at];
        let new = if old == b'0' { "1" } else { "0" };
        let mut changed = valid.clone();
        changed.replace_range(at..=at, new);
        assert_reason(&api, &format!("cursor={changed}"), "cursor", "malformed");
    }
    let upper = valid.to_uppercase();
    for cursor in [
        "",
        "x",
        "0",
        "%00",
        "%C3%A9",
        "null",
        &valid[1..],
        &valid[..valid.len() - 1],
        &format!("{valid}0"),
        &format!("{valid}{valid}"),
        &format!("{valid}%20"),
        &"0".repeat(valid.len()),
        &"f".repeat(valid.len()),
        // Two-byte characters across every offset where the cursor could be split.
        &format!("a{}", "%C3%A9".repeat(valid.len() / 2)),
        &"%C3%A9".repeat(valid.len() / 2),
    ] {
        assert_reason(&api, &format!("cursor={cursor}"), "cursor", "malformed");
    }
    if upper != valid {
        assert_reason(&api, &format!("cursor={upper}"), "cursor", "malformed");
    }
}

#[test]
fn cursor_is_bound_to_filters_and_workspace() {
    let api = Api::start();
    api.create_workspace("globex");
    let globex = api.create_key("globex", "WRITE");
    create_many(&api, 3);
    api.create_devices_as(&globex, [json!({}), json!({})]);
    for number in 0..3 {
        api.add_user("acme", &format!("user{number}@example.com"));
    }

    let plain = api.page("/devices?limit=1").next_cursor();
    let filtered = api.page("/devices?limit=1&type=laptop").next_cursor();
    let user_cursor = api.page("/users?limit=1").next_cursor();
    for query in [
        format!("type=laptop&cursor={plain}"),
        format!("client_status=AVAILABLE&cursor={plain}"),
        format!("updated_since=2000-01-01&cursor={plain}"),
        format!("cursor={filtered}"),
        format!("type=phone&cursor={filtered}"),
        format!("type=laptop&category=computers&cursor={filtered}"),
        format!("cursor={user_cursor}"),
    ] {
        assert_reason(&api, &query, "cursor", "malformed");
    }
    assert_eq!(
        names(&api.get_json(&format!("/devices?type=laptop&cursor={filtered}"))).len(),
        2
    );
    let response = api.call_as(&globex, "GET", &format!("/devices?cursor={plain}"));
    assert_eq!(response.status, 400, "{}", response.text);
    assert_eq!(
        response.reasons(),
        [(Value::Null, "cursor".to_owned(), "malformed".to_owned())]
    );
    // A foreign cursor and a malformed one return the same error.
    let malformed = api.call_as(&globex, "GET", "/devices?cursor=x");
    assert_eq!(response.text, malformed.text);
}

#[test]
fn cursor_with_nonzero_offset_is_rejected() {
    let api = Api::start();
    create_many(&api, 3);
    let valid = api.page("/devices?limit=1").next_cursor();
    assert_rejected(&api, &format!("cursor={valid}&offset=1"), &["offset"]);
    // Generated clients send the default offset with every request.
    let response = api.get_json(&format!("/devices?cursor={valid}&limit=1&offset=0"));
    assert_eq!(response["meta"]["offset"], 1);
}
