//! `GET /devices/export`: devices as JSON, NDJSON or CSV.

mod audit;
mod bom;
mod fields;
mod formats;
mod round_trip;
mod selection;

use devices_domain::{Field, fields};
use devices_tests::{Api, Response, complete_device};
use serde_json::{Map, Value, json};

/// Names of the exported fields: all fields of a new device except `user_id`, which differs between
/// workspaces.
fn exported_fields() -> impl Iterator<Item = &'static str> {
    let names = fields().iter().map(Field::name);
    names.filter(|name| *name != "user_id")
}

/// Names of the CSV columns without keys of attributes, each of which has a column of its own.
fn csv_fields() -> impl Iterator<Item = &'static str> {
    exported_fields().filter(|name| *name != "attributes")
}

/// Requests an export with these `Accept` headers.
fn export_accepting(api: &Api, query: &str, accept: &[&str]) -> Response {
    let path = format!("/devices/export{query}");
    let headers: Vec<_> = accept.iter().map(|accept| ("Accept", *accept)).collect();
    api.call_with("GET", &path, &headers)
}

/// Requests an export. Panics unless the status is 200.
fn export(api: &Api, query: &str) -> Response {
    api.page(&format!("/devices/export{query}"))
}

/// Parses an export in any format. Returns the fields of each device. All values of a CSV are
/// texts.
fn rows(response: &Response) -> Vec<Map<String, Value>> {
    let object = |value: Value| match value {
        Value::Object(members) => members,
        other => panic!("not an object: {other}"),
    };
    match format_of(response) {
        "json" => {
            let mut body = object(response.json());
            let Some(Value::Array(devices)) = body.remove("devices") else {
                panic!("no devices: {}", response.text);
            };
            assert!(body.is_empty(), "{body:?}");
            devices.into_iter().map(object).collect()
        }
        "ndjson" => {
            assert!(response.text.is_empty() || response.text.ends_with('\n'));
            let lines = response.text.lines();
            lines
                .map(|line| object(serde_json::from_str(line).unwrap()))
                .collect()
        }
        "csv" => {
            let mut records = csv(&response.text).into_iter();
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

/// Returns the format by content type. Asserts that the file name matches.
fn format_of(response: &Response) -> &'static str {
    let content_type = response.header("content-type");
    let essence = content_type.split(';').next().unwrap_or_default();
    let format = match essence {
        "application/json" => "json",
        "application/x-ndjson" => "ndjson",
        "text/csv" => "csv",
        other => panic!("{other}: {}", response.text),
    };
    assert_eq!(
        response.header("content-disposition"),
        format!("attachment; filename=\"devices.{format}\"")
    );
    format
}

/// Parses a CSV by RFC 4180. Returns its records.
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
                assert!(cell.is_empty(), "a quote inside an unquoted cell: {text}");
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

/// Returns the names of the exported devices.
fn names(response: &Response) -> Vec<String> {
    rows(response)
        .iter()
        .map(|row| row["name"].as_str().unwrap().to_owned())
        .collect()
}

/// Returns a device that has every exported field, each as it is exported.
fn every_field(email: &str) -> Value {
    complete_device(json!({"user_email": email, "serial_number": "c02xl0gsjgh5"}))
}
