//! `GET /devices/export`: a copy of the devices that can be sent to `POST /devices`, or opened in a
//! spreadsheet.

mod fields;
mod formats;
mod round_trip;
mod selection;

use devices_tests::{Answer, Api, complete_device};
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
