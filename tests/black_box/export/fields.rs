//! Representation of fields in each format.

use std::collections::BTreeSet;

use devices_domain::{NewDevice, RawRow};
use devices_tests::Api;
use serde_json::{Map, Value, json};

use super::{csv, csv_fields, every_field, export, rows};

#[test]
fn export_contains_all_fields() {
    let api = Api::start();
    api.add_user("acme", "ada@example.com");
    let device = every_field("ada@example.com");
    api.create_device(device.clone());
    for format in ["json", "ndjson"] {
        let exported = rows(&export(&api, &format!("?format={format}")));
        assert_eq!(json!(exported), json!([device]), "{format}");
    }
    let exported = rows(&export(&api, "?format=csv"));
    let expected: Map<String, Value> = device
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(name, value)| match value {
            Value::Object(members) => members
                .iter()
                .map(|(key, value)| (format!("{name}.{key}"), value.clone()))
                .collect(),
            value => vec![(name.clone(), value.clone())],
        })
        .map(|(name, value)| {
            let text = match value {
                Value::String(text) => text,
                Value::Array(items) => {
                    let items: Vec<_> = items.iter().map(|item| item.as_str().unwrap()).collect();
                    items.join("\n")
                }
                other => other.to_string(),
            };
            (name, text.into())
        })
        .collect();
    assert_eq!(json!(exported), json!([expected]));
}

#[test]
fn absent_values_are_omitted_or_empty() {
    let api = Api::start();
    api.create_device(json!({}));
    let minimal =
        json!({"name": "XPS 13", "type": "laptop", "category": "computers", "is_rented": false});
    for format in ["json", "ndjson"] {
        let exported = rows(&export(&api, &format!("?format={format}")));
        assert_eq!(json!(exported), json!([minimal]), "{format}");
    }
    let exported = rows(&export(&api, "?format=csv"));
    assert_eq!(exported.len(), 1);
    for (name, cell) in &exported[0] {
        let expected = match &minimal[name] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        assert_eq!(*cell, expected, "{name}");
    }
}

#[test]
fn csv_header_lists_all_fields() {
    let api = Api::start();
    api.create_device(json!({}));
    let header = csv(&export(&api, "?format=csv").text).remove(0);
    let count = header.len();
    let names: BTreeSet<String> = header.into_iter().collect();
    let expected: BTreeSet<_> = csv_fields().map(str::to_owned).collect();
    assert_eq!(names, expected);
    assert_eq!(count, expected.len(), "each field occurs once");
}

#[test]
fn csv_cells_preserve_any_text() {
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
        "a | b",
        "é 🖥 漢字 \u{202f}€",
        "b\u{feff}om",
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
    let exported = rows(&export(&api, "?format=csv"));
    assert_eq!(exported.len(), texts.len());
    for ((row, stored), text) in exported.iter().zip(&stored).zip(texts) {
        for field in ["name", "comment", "color"] {
            assert_eq!(row[field], stored[field], "{text:?}");
            assert_eq!(row[field], text, "{text:?}");
        }
    }
}

#[test]
fn comment_of_several_lines_is_preserved() {
    let api = Api::start();
    let comments = [
        "one\ntwo",
        "one\n\n\"two\", three\n=1+1\n;\tfour",
        "tab\tonly",
        "\",\n\"",
    ];
    api.create_devices(comments.map(|comment| json!({"comment": comment})));
    for format in ["json", "ndjson", "csv"] {
        let exported = rows(&export(&api, &format!("?format={format}")));
        let exported: Vec<_> = exported.iter().map(|row| &row["comment"]).collect();
        assert_eq!(exported, comments, "{format}");
    }
    for row in rows(&export(&api, "?format=csv")) {
        let mut raw = RawRow::for_device();
        for name in ["name", "type", "category", "comment"] {
            raw.set_text(name, row[name].as_str().unwrap());
        }
        let imported = NewDevice::from_row(&raw).unwrap();
        let comment = imported.fields.identity.comment.unwrap();
        assert_eq!(row["comment"], comment.as_str());
    }
}

#[test]
fn csv_lists_have_one_line_per_item() {
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
    let response = export(&api, "?format=csv");
    let exported = rows(&response);
    for (row, items) in exported.iter().zip(&lists) {
        for field in ["connection_type", "compliance"] {
            assert_eq!(row[field], items.join("\n"), "{items:?}");
        }
    }
    assert!(
        response.text.contains("\"USB-C\nHDMI\nDisplayPort\""),
        "{}",
        response.text
    );
}

#[test]
fn empty_workspace_exports_no_devices() {
    let api = Api::start();
    assert_eq!(export(&api, "?format=json").json(), json!({"devices": []}));
    assert_eq!(export(&api, "?format=ndjson").text, "");
    let records = csv(&export(&api, "?format=csv").text);
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].len(), csv_fields().count());
    for format in ["json", "ndjson", "csv"] {
        let response = export(&api, &format!("?format={format}&type=nothing"));
        assert_eq!(rows(&response).len(), 0);
    }
}
