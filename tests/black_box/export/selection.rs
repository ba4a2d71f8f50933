//! Filters, order, access and rejected parameters.

use devices_tests::{Api, send};
use serde_json::{Value, json};

use super::{export, export_accepting, format_of, names, rows};

#[test]
fn export_starts_with_oldest_device() {
    let api = Api::start();
    for name in ["first", "second", "third"] {
        api.create_device(json!({ "name": name }));
    }
    for format in ["json", "ndjson", "csv"] {
        let response = export(&api, &format!("?format={format}"));
        assert_eq!(format_of(&response), format);
        assert_eq!(names(&response), ["first", "second", "third"]);
    }
}

/// Asserts that only these parameters are rejected, in JSON for any `Accept`. Returns the body.
fn assert_parameters_rejected(api: &Api, query: &str, fields: &[&str]) -> Value {
    for accept in ["application/json", "text/csv", "text/html"] {
        let response = export_accepting(api, query, &[accept]);
        response.assert_parameters_rejected(fields, query);
        assert_eq!(response.header("content-type"), "application/json");
    }
    export_accepting(api, query, &[]).json()
}

#[test]
fn unknown_format_or_parameter_is_rejected() {
    let api = Api::start();
    api.create_device(json!({}));
    for format in ["xml", "CSV", "", "json%20", "xlsx", "text/csv"] {
        let body = assert_parameters_rejected(&api, &format!("?format={format}"), &["format"]);
        assert_eq!(body["errors"][0]["code"], "INVALID_PARAMETER", "{body}");
        assert_eq!(body["errors"][0]["reason"], "not_in_enum", "{body}");
    }
    let body = assert_parameters_rejected(&api, "?format=csv&format=csv", &["format"]);
    assert_eq!(body["errors"][0]["reason"], "repeated_field");
    for name in ["limit", "offset", "cursor", "page", "fields"] {
        let body = assert_parameters_rejected(&api, &format!("?{name}=1"), &[name]);
        assert_eq!(body["errors"][0]["reason"], "unknown_field", "{body}");
    }
    let body = assert_parameters_rejected(&api, "?fromat=csv", &["fromat"]);
    assert_eq!(body["errors"][0]["did_you_mean"], "format", "{body}");
    assert_parameters_rejected(
        &api,
        "?format=xml&user_id=0&client_status=available&serial_number=&type=%00&category=%00\
         &updated_since=yesterday&search=%00&limit=10",
        &[
            "format",
            "user_id",
            "client_status",
            "serial_number",
            "type",
            "category",
            "updated_since",
            "search",
            "limit",
        ],
    );
}

#[test]
fn list_filters_apply_to_export() {
    let api = Api::start();
    let ada = api.add_user("acme", "ada@example.com");
    api.create_devices([
        json!({"name": "assigned", "user_id": ada, "serial_number": "Sn-A1"}),
        json!({"name": "repaired", "type": "Phone", "category": "Phones",
            "lifecycle": "IN_MAINTENANCE"}),
        json!({"name": "free", "serial_number": "FREE-1"}),
        json!({"name": "gone", "user_id": ada}),
    ]);
    assert_eq!(api.call("DELETE", "/devices/4").status, 200);
    api.database.execute(
        "UPDATE devices SET created_at = '2026-01-30T08:00:00Z', updated_at = '2026-01-30T08:00:00Z'
         WHERE name = 'free'",
    );
    for (query, expected) in [
        (String::new(), vec!["assigned", "repaired", "free"]),
        (format!("user_id={ada}"), vec!["assigned"]),
        ("user_id=999".to_owned(), vec![]),
        ("client_status=IN_MAINTENANCE".to_owned(), vec!["repaired"]),
        ("client_status=ARCHIVED".to_owned(), vec!["gone"]),
        ("client_status=SHIPPED".to_owned(), vec![]),
        ("serial_number=sN-a1".to_owned(), vec!["assigned"]),
        ("type=PHONE".to_owned(), vec!["repaired"]),
        ("category=computers".to_owned(), vec!["assigned", "free"]),
        (
            "updated_since=2026-01-31".to_owned(),
            vec!["assigned", "repaired"],
        ),
        (
            "category=computers&updated_since=2026-01-30T09:00:00%2B01:00&client_status=AVAILABLE"
                .to_owned(),
            vec!["free"],
        ),
        ("search=repaired".to_owned(), vec!["repaired"]),
        ("search=computers".to_owned(), vec!["assigned", "free"]),
        (
            "search=%20".to_owned(),
            vec!["assigned", "repaired", "free"],
        ),
    ] {
        for format in ["json", "ndjson", "csv"] {
            let response = export(&api, &format!("?{query}&format={format}"));
            assert_eq!(names(&response), expected, "{query} {format}");
        }
    }
}

#[test]
fn thousands_of_devices_are_exported_once() {
    let api = Api::start();
    api.add_user("acme", "ada@example.com");
    let name = |number: usize| format!("device number {number}");
    for batch in [0..1_000, 1_000..2_000, 2_000..2_500] {
        let rows: Vec<_> = batch
            .map(|number| {
                json!({
                    "name": name(number), "serial_number": format!("SN-{number}"),
                    "user_email": "ada@example.com", "connection_type": ["USB-C", "HDMI"],
                })
            })
            .collect();
        api.create_devices(rows);
    }
    let expected: Vec<_> = (0..2_500).map(name).collect();
    for format in ["json", "ndjson", "csv"] {
        let response = export(&api, &format!("?format={format}"));
        assert!(names(&response) == expected, "{format}");
        for (number, row) in rows(&response).iter().enumerate() {
            assert_eq!(row["serial_number"], format!("SN-{number}"));
            assert_eq!(row["user_email"], "ada@example.com");
        }
    }
    // Both counts are multiples of the number of devices that the server reads at once.
    api.database
        .execute("UPDATE devices SET type = 'phone' WHERE id > 2000");
    for (type_, count) in [("phone", 500), ("laptop", 2_000)] {
        for format in ["json", "ndjson", "csv"] {
            let response = export(&api, &format!("?type={type_}&format={format}"));
            assert_eq!(rows(&response).len(), count, "{type_} {format}");
        }
    }
}

#[test]
fn export_excludes_other_workspaces() {
    let api = Api::start();
    api.create_workspace("globex");
    let globex = api.create_key("globex", "WRITE");
    let stranger = api.add_user("globex", "stranger@example.com");
    let theirs = [
        json!({"name": "theirs", "user_id": stranger, "serial_number": "THEIRS-1"}),
        json!({"name": "gone"}),
    ];
    api.create_devices_as(&globex, theirs);
    assert_eq!(api.call_as(&globex, "DELETE", "/devices/2").status, 200);
    api.create_device(json!({"name": "ours"}));
    for format in ["json", "ndjson", "csv"] {
        for (query, expected) in [
            (String::new(), vec!["ours"]),
            (format!("&user_id={stranger}"), vec![]),
            ("&client_status=ARCHIVED".to_owned(), vec![]),
            ("&client_status=IN_SERVICE".to_owned(), vec![]),
            ("&serial_number=THEIRS-1".to_owned(), vec![]),
            ("&search=theirs".to_owned(), vec![]),
            ("&search=stranger".to_owned(), vec![]),
            ("&type=laptop".to_owned(), vec!["ours"]),
        ] {
            let response = export(&api, &format!("?format={format}{query}"));
            assert_eq!(names(&response), expected, "{format} {query}");
        }
    }
}

#[test]
fn read_key_exports_and_head_has_no_body() {
    let api = Api::start();
    api.create_device(json!({}));
    let read = api.create_key("acme", "READ");
    let expected = export(&api, "").text;
    for path in ["/devices/export", "/platform/v1/devices/export"] {
        let response = api.call_as(&read, "GET", path);
        assert_eq!(response.status, 200, "{}", response.text);
        assert_eq!(response.text, expected);
        assert_eq!(send(api.request("GET", path)).status, 401);
        for query in ["?format=json", "?format=ndjson", "?format=csv"] {
            let path = format!("{path}{query}");
            let head = api.call_as(&read, "HEAD", &path);
            assert_eq!(head.status, 200);
            assert_eq!(head.text, "");
            let get = api.call_as(&read, "GET", &path);
            assert_eq!(format_of(&head), format_of(&get));
        }
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let response = api.send(method, path, &json!({}));
            assert_eq!(response.status, 405, "{method}: {}", response.text);
            assert_eq!(response.json(), json!({"error": "METHOD_NOT_ALLOWED"}));
        }
    }
}
