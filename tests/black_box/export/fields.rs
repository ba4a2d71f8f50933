//! How fields are written in each format.

use std::collections::BTreeSet;

use devices_tests::Api;
use serde_json::{Map, Value, json};

use super::{FIELDS, complete, csv, export, rows};

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
