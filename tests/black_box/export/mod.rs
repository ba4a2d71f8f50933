//! `GET /devices/export`: a copy of the devices that can be sent to `POST /devices`, or opened in a
//! spreadsheet.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;

use devices_tests::{Answer, Api, complete_device, send};
use serde_json::{Map, Value, json};

/// Every field of a new device but `user_id`: another workspace knows its users by other numbers.
const FIELDS: [&str; 40] = [
    "name",
    "type",
    "category",
    "brand",
    "serial_number",
    "comment",
    "added_via",
    "is_rented",
    "client_purchase_price",
    "client_rental_price",
    "client_purchase_date",
    "client_warranty_endDate",
    "client_rental_startDate",
    "client_rental_endDate",
    "client_contract_number",
    "client_invoice_number",
    "lifecycle",
    "user_email",
    "screen_size",
    "graphic",
    "processor",
    "ram",
    "storage",
    "model_year",
    "connectivity",
    "keyboard_layout",
    "resolution",
    "has_microphone",
    "has_webcam",
    "noise_cancellation",
    "compliance",
    "connection_type",
    "has_stool",
    "has_video_package",
    "has_screen",
    "has_premium_tablet",
    "color",
    "seats_number",
    "assembly",
    "os_platform",
];

/// Asks for an export with these `Accept` headers.
fn accepting(api: &Api, query: &str, accept: &[&str]) -> Answer {
    let path = format!("/devices/export{query}");
    let headers: Vec<_> = accept.iter().map(|accept| ("Accept", *accept)).collect();
    api.ask_with("GET", &path, &headers)
}

fn export(api: &Api, query: &str) -> Answer {
    api.page(&format!("/devices/export{query}"))
}

/// The devices of an export, in whatever format, by the names of their fields; of a CSV all values
/// are texts.
fn rows(answer: &Answer) -> Vec<Map<String, Value>> {
    let object = |value: Value| match value {
        Value::Object(members) => members,
        other => panic!("no object: {other}"),
    };
    match format_of(answer) {
        "json" => {
            let mut body = object(answer.json());
            let Some(Value::Array(devices)) = body.remove("devices") else {
                panic!("no devices: {}", answer.text);
            };
            assert!(body.is_empty(), "{body:?}");
            devices.into_iter().map(object).collect()
        }
        "ndjson" => {
            assert!(answer.text.is_empty() || answer.text.ends_with('\n'));
            let lines = answer.text.lines();
            lines
                .map(|line| object(serde_json::from_str(line).unwrap()))
                .collect()
        }
        "csv" => {
            let mut records = csv(&answer.text).into_iter();
            let header = records.next().unwrap();
            records
                .map(|record| {
                    assert_eq!(record.len(), header.len(), "{record:?}");
                    let names = header.iter().cloned();
                    names.zip(record.into_iter().map(Value::from)).collect()
                })
                .collect()
        }
        other => panic!("{other}"),
    }
}

/// The format that an answer says it has, by its type and its file's name.
fn format_of(answer: &Answer) -> &'static str {
    let content_type = answer.header("content-type");
    let essence = content_type.split(';').next().unwrap_or_default();
    let format = match essence {
        "application/json" => "json",
        "application/x-ndjson" => "ndjson",
        "text/csv" => "csv",
        other => panic!("{other}: {}", answer.text),
    };
    assert_eq!(
        answer.header("content-disposition"),
        format!("attachment; filename=\"devices.{format}\"")
    );
    format
}

/// The records of a CSV, read as RFC 4180 has it.
fn csv(text: &str) -> Vec<Vec<String>> {
    let mut records = Vec::new();
    let mut record = Vec::new();
    let mut cell = String::new();
    let mut is_quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, is_quoted) {
            ('"', true) if characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            ('"', true) => is_quoted = false,
            ('"', false) => {
                assert!(cell.is_empty(), "a quote inside a cell without: {text}");
                is_quoted = true;
            }
            (',', false) => record.push(std::mem::take(&mut cell)),
            ('\r', false) if characters.peek() == Some(&'\n') => {}
            ('\n', false) => {
                record.push(std::mem::take(&mut cell));
                records.push(std::mem::take(&mut record));
            }
            (other, _) => cell.push(other),
        }
    }
    assert!(!is_quoted && cell.is_empty() && record.is_empty(), "{text}");
    records
}

fn names(answer: &Answer) -> Vec<String> {
    rows(answer)
        .iter()
        .map(|row| row["name"].as_str().unwrap().to_owned())
        .collect()
}

/// A device in which every field is set, each as it is written.
fn complete(email: &str) -> Value {
    complete_device(json!({"user_email": email, "serial_number": "c02xl0gsjgh5"}))
}

#[test]
fn a_device_is_written_with_every_field_that_it_can_be_created_with() {
    let api = Api::start();
    api.add_user("acme", "ada@example.com");
    let whole = complete("ada@example.com");
    api.create_device(whole.clone());
    for format in ["json", "ndjson"] {
        let written = rows(&export(&api, &format!("?format={format}")));
        assert_eq!(json!(written), json!([whole]), "{format}");
    }
    let written = rows(&export(&api, "?format=csv"));
    let expected: Map<String, Value> = whole
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Array(items) => {
                    let items: Vec<_> = items.iter().map(|item| item.as_str().unwrap()).collect();
                    items.join("\n")
                }
                other => other.to_string(),
            };
            (name.clone(), text.into())
        })
        .collect();
    assert_eq!(json!(written), json!([expected]));
}

#[test]
fn what_is_not_known_is_left_out_and_an_empty_cell() {
    let api = Api::start();
    api.create_device(json!({}));
    let few =
        json!({"name": "XPS 13", "type": "laptop", "category": "computers", "is_rented": false});
    for format in ["json", "ndjson"] {
        let written = rows(&export(&api, &format!("?format={format}")));
        assert_eq!(json!(written), json!([few]), "{format}");
    }
    let written = rows(&export(&api, "?format=csv"));
    assert_eq!(written.len(), 1);
    for (name, cell) in &written[0] {
        let expected = match &few[name] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        assert_eq!(*cell, expected, "{name}");
    }
}

#[test]
fn a_csv_begins_with_the_names_of_all_fields_but_the_users_number() {
    let api = Api::start();
    api.create_device(json!({}));
    let header = csv(&export(&api, "?format=csv").text).remove(0);
    let count = header.len();
    let told: BTreeSet<String> = header.into_iter().collect();
    assert_eq!(told, FIELDS.map(str::to_owned).into());
    assert_eq!(count, FIELDS.len(), "each once");
}

#[test]
fn the_oldest_comes_first() {
    let api = Api::start();
    for name in ["first", "second", "third"] {
        api.create_device(json!({ "name": name }));
    }
    for format in ["json", "ndjson", "csv"] {
        let answer = export(&api, &format!("?format={format}"));
        assert_eq!(format_of(&answer), format);
        assert_eq!(names(&answer), ["first", "second", "third"]);
    }
}

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

/// Refused for these parameters alone, whatever is accepted.
fn assert_refused(api: &Api, query: &str, fields: &[&str]) -> Value {
    for accept in ["application/json", "text/csv", "text/html"] {
        let answer = accepting(api, query, &[accept]);
        answer.assert_parameters_refused(fields, query);
        assert_eq!(answer.header("content-type"), "application/json");
    }
    accepting(api, query, &[]).json()
}

#[test]
fn another_format_or_parameter_is_refused_by_its_name() {
    let api = Api::start();
    api.create_device(json!({}));
    for format in ["xml", "CSV", "", "json%20", "xlsx", "text/csv"] {
        let body = assert_refused(&api, &format!("?format={format}"), &["format"]);
        assert_eq!(body["errors"][0]["code"], "INVALID_PARAMETER", "{body}");
        assert_eq!(body["errors"][0]["reason"], "not_in_enum", "{body}");
    }
    let body = assert_refused(&api, "?format=csv&format=csv", &["format"]);
    assert_eq!(body["errors"][0]["reason"], "repeated_field");
    for name in ["limit", "offset", "cursor", "page", "fields"] {
        let body = assert_refused(&api, &format!("?{name}=1"), &[name]);
        assert_eq!(body["errors"][0]["reason"], "unknown_field", "{body}");
    }
    let body = assert_refused(&api, "?fromat=csv", &["fromat"]);
    assert_eq!(body["errors"][0]["did_you_mean"], "format", "{body}");
    assert_refused(
        &api,
        "?format=xml&user_id=0&client_status=available&serial_number=N/A&type=%00&category=%00\
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
fn the_filters_of_the_list_choose_what_is_written() {
    let api = Api::start();
    let ada = api.add_user("acme", "ada@example.com");
    api.create_devices([
        json!({"name": "assigned", "user_id": ada, "serial_number": "Sn-A1"}),
        json!({"name": "repaired", "type": "Phone", "category": "Phones",
            "lifecycle": "IN_MAINTENANCE"}),
        json!({"name": "free", "serial_number": "FREE-1"}),
        json!({"name": "gone", "user_id": ada}),
    ]);
    assert_eq!(api.ask("DELETE", "/devices/4").status, 200);
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
            let answer = export(&api, &format!("?{query}&format={format}"));
            assert_eq!(names(&answer), expected, "{query} {format}");
        }
    }
}

#[test]
fn thousands_of_devices_are_each_written_once() {
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
        let answer = export(&api, &format!("?format={format}"));
        assert!(names(&answer) == expected, "{format}");
        for (number, row) in rows(&answer).iter().enumerate() {
            assert_eq!(row["serial_number"], format!("SN-{number}"));
            assert_eq!(row["user_email"], "ada@example.com");
        }
    }
    // Whole parts of what is read at once.
    api.database
        .execute("UPDATE devices SET type = 'phone' WHERE id > 2000");
    for (type_, count) in [("phone", 500), ("laptop", 2_000)] {
        for format in ["json", "ndjson", "csv"] {
            let answer = export(&api, &format!("?type={type_}&format={format}"));
            assert_eq!(rows(&answer).len(), count, "{type_} {format}");
        }
    }
}

/// The devices of a workspace by their names, without what another workspace numbers otherwise.
fn shown(api: &Api, key: &str, query: &str) -> BTreeMap<String, Value> {
    let path = format!("/devices?limit=100{query}");
    let answer = api.ask_as(key, "GET", &path);
    assert_eq!(answer.status, 200, "{}", answer.text);
    let list = answer.json();
    let devices = list["data"].as_array().unwrap();
    devices
        .iter()
        .map(|device| {
            let mut device = device.clone();
            let members = device.as_object_mut().unwrap();
            for name in ["id", "user_id", "created_at", "updated_at"] {
                members.remove(name).unwrap();
            }
            if let Some(user) = members["user"].as_object_mut() {
                user.remove("id").unwrap();
            }
            (device["name"].as_str().unwrap().to_owned(), device)
        })
        .collect()
}

#[test]
fn what_is_written_as_json_makes_the_same_devices_in_another_workspace() {
    let api = Api::start();
    api.create_workspace("globex");
    let globex = api.create_key("globex", "WRITE");
    api.add_user("globex", "somebody@example.com");
    for email in ["Ada@Example.com", "bob@example.com"] {
        api.add_user("acme", email);
    }
    for email in ["bob@example.com", "Ada@Example.com"] {
        api.add_user("globex", email);
    }
    let mut sent = vec![
        complete("ada@example.com"),
        json!({"name": "bare"}),
        json!({
            "name": "odd \"texts\", = and é🖥\u{200d}", "user_email": "BOB@example.com",
            "comment": "'; DROP TABLE devices; -- \\ / <b> &amp; %00 \u{2028}",
            "type": "=1+1", "category": "@sum", "brand": "-x", "color": "null",
            "serial_number": "ｓｎ－1", "compliance": ["a,b", "c\"d", "[]", "null"],
        }),
        json!({"name": "false values", "is_rented": false, "has_webcam": false,
            "has_screen": false, "client_purchase_price": "0"}),
        json!({"name": "large", "client_purchase_price": "9999999999.99",
            "comment": "é".repeat(10_000), "brand": "🖥".repeat(255),
            "connection_type": vec!["x".repeat(100); 50],
            "client_purchase_date": "0001-01-01", "client_warranty_endDate": "9999-12-31"}),
        json!({"name": "broken", "lifecycle": "OUT_OF_SERVICE", "added_via": "ONBOARDING"}),
    ];
    for word in [
        "FRENCH_AZERTY",
        "SPANISH_QWERTY",
        "ITALIAN_QWERTY",
        "INTERNATIONAL_ENGLISH_QWERTY",
        "GERMAN_QWERTZ",
        "PORTUGUESE_QWERTY",
        "ENGLISH_QWERTY",
        "SWISS_QWERTZ",
        "AMERICAN_ENGLISH_QWERTY",
        "CANADIAN_ENGLISH_QWERTY",
        "DUTCH_QWERTY",
    ] {
        sent.push(json!({"name": word, "keyboard_layout": word}));
    }
    api.create_devices(sent.clone());
    api.send(
        "PATCH",
        "/devices/2",
        &json!({"color": "red", "brand": "Later"}),
    );

    let written = export(&api, "?format=json").text;
    for row in rows(&export(&api, "")) {
        for (name, value) in &row {
            assert!(FIELDS.contains(&name.as_str()), "{name}");
            let is_nothing = value.is_null() || *value == json!("") || *value == json!([]);
            assert!(!is_nothing, "{name}: {value}");
        }
    }
    let request = api.request("POST", "/devices").bearer_auth(&globex);
    let request = request.header("Content-Type", "application/json");
    let answer = send(request.body(written.clone()));
    assert_eq!(answer.status, 201, "{}", answer.text);
    let (ours, theirs) = (shown(&api, &api.key, ""), shown(&api, &globex, ""));
    assert_eq!(ours.len(), sent.len());
    assert_eq!(theirs, ours);

    // And the copy of the copy is the copy, byte by byte.
    let copied = api.ask_as(&globex, "GET", "/devices/export");
    assert_eq!(copied.text, written);
    // Lines are devices of a batch, too.
    let lines = export(&api, "?format=ndjson").text;
    let batch: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let whole: Value = serde_json::from_str(&written).unwrap();
    assert_eq!(json!({ "devices": batch }), whole);
}

#[test]
fn archived_devices_can_be_brought_back_from_what_is_written_of_them() {
    let api = Api::start();
    api.add_user("acme", "ada@example.com");
    api.create_device(complete("ada@example.com"));
    let before = shown(&api, &api.key, "");
    assert_eq!(api.ask("DELETE", "/devices/1").status, 200);
    assert_eq!(rows(&export(&api, "")).len(), 0);
    let written = export(&api, "?client_status=ARCHIVED").text;
    let answer = api.post_text(written);
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(shown(&api, &api.key, ""), before);
}

#[test]
fn a_cell_holds_any_text_as_it_is() {
    let api = Api::start();
    let texts = [
        "plain",
        "a,b",
        "say \"hello\"",
        "\"",
        "\"quoted\"",
        ",",
        "=HYPERLINK(\"http://example.com\",\"x\")",
        "=1+1",
        "+1",
        "-1",
        "@sum",
        "'quoted'",
        "semi;colon",
        "tab is no text but | is",
        "é 🖥 漢字 \u{202f}€",
        "\u{feff}bom",
        "null",
        "true",
        "0012",
        "1e5",
        "\\n",
        "#comment",
    ];
    let batch: Vec<_> = texts
        .iter()
        .map(|text| json!({"name": text, "comment": text, "color": text}))
        .collect();
    api.create_devices(batch);
    let stored: Vec<_> = rows(&export(&api, "?format=json"));
    let written = rows(&export(&api, "?format=csv"));
    assert_eq!(written.len(), texts.len());
    for ((row, stored), text) in written.iter().zip(&stored).zip(texts) {
        for field in ["name", "comment", "color"] {
            assert_eq!(row[field], stored[field], "{text:?}");
            assert_eq!(row[field], text, "{text:?}");
        }
    }
}

#[test]
fn the_items_of_a_list_are_lines_of_one_cell() {
    let api = Api::start();
    let lists = [
        vec!["USB-C", "HDMI", "DisplayPort"],
        vec!["one"],
        vec!["with, comma", "with \"quotes\"", "=1"],
        vec![],
    ];
    let batch: Vec<_> = lists
        .iter()
        .map(|items| json!({"connection_type": items, "compliance": items}))
        .collect();
    api.create_devices(batch);
    let answer = export(&api, "?format=csv");
    let written = rows(&answer);
    for (row, items) in written.iter().zip(&lists) {
        for field in ["connection_type", "compliance"] {
            assert_eq!(row[field], items.join("\n"), "{items:?}");
        }
    }
    assert!(
        answer.text.contains("\"USB-C\nHDMI\nDisplayPort\""),
        "{}",
        answer.text
    );
}

#[test]
fn an_empty_workspace_is_an_empty_batch_no_line_or_a_header() {
    let api = Api::start();
    assert_eq!(export(&api, "?format=json").json(), json!({"devices": []}));
    assert_eq!(export(&api, "?format=ndjson").text, "");
    let records = csv(&export(&api, "?format=csv").text);
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].len(), FIELDS.len());
    for format in ["json", "ndjson", "csv"] {
        let answer = export(&api, &format!("?format={format}&type=nothing"));
        assert_eq!(rows(&answer).len(), 0);
    }
}

#[test]
fn another_workspaces_devices_are_never_in_it() {
    let api = Api::start();
    api.create_workspace("globex");
    let globex = api.create_key("globex", "WRITE");
    let stranger = api.add_user("globex", "stranger@example.com");
    let theirs = [
        json!({"name": "theirs", "user_id": stranger, "serial_number": "THEIRS-1"}),
        json!({"name": "gone"}),
    ];
    api.create_devices_as(&globex, theirs);
    assert_eq!(api.ask_as(&globex, "DELETE", "/devices/2").status, 200);
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
            let answer = export(&api, &format!("?format={format}{query}"));
            assert_eq!(names(&answer), expected, "{format} {query}");
        }
    }
}

#[test]
fn a_key_to_read_is_enough_under_both_prefixes_and_head_has_no_body() {
    let api = Api::start();
    api.create_device(json!({}));
    let read = api.create_key("acme", "READ");
    let expected = export(&api, "").text;
    for path in ["/devices/export", "/platform/v1/devices/export"] {
        let answer = api.ask_as(&read, "GET", path);
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.text, expected);
        assert_eq!(send(api.request("GET", path)).status, 401);
        for query in ["?format=json", "?format=ndjson", "?format=csv"] {
            let path = format!("{path}{query}");
            let head = api.ask_as(&read, "HEAD", &path);
            assert_eq!(head.status, 200);
            assert_eq!(head.text, "");
            let get = api.ask_as(&read, "GET", &path);
            assert_eq!(format_of(&head), format_of(&get));
        }
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let answer = api.send(method, path, &json!({}));
            assert_eq!(answer.status, 405, "{method}: {}", answer.text);
            assert_eq!(answer.json(), json!({"error": "METHOD_NOT_ALLOWED"}));
        }
    }
}
