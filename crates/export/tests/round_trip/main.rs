//! Exported devices are read back unchanged.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

mod arbitrary;

use std::collections::BTreeSet;
use std::io::Cursor;

use devices_domain::{Batch, BatchRules, NewDevice, RawRow, RawValue};
use devices_export::{Encoder, ExportFormat};
use devices_import::{FileKind, ImportFile, ImportLimits, ImportOptions};
use proptest::prelude::*;
use serde_json::{Value, json};

use arbitrary::valid_device;

fn raw_value(value: &Value) -> RawValue<'_> {
    match value {
        Value::Null => RawValue::Null,
        Value::Bool(value) => RawValue::Boolean(*value),
        Value::Number(number) => RawValue::Integer(number.as_i64().unwrap()),
        Value::String(text) => RawValue::text(text.as_str()),
        Value::Array(items) => RawValue::List(items.iter().map(raw_value).collect()),
        Value::Object(members) => {
            let members = members.iter();
            let members = members.map(|(key, value)| (key.as_str().into(), raw_value(value)));
            RawValue::Object(members.collect())
        }
    }
}

/// Reads devices from JSON objects, without their user ids if they were not exported.
fn read_objects(objects: &[Value]) -> Vec<NewDevice> {
    let mut batch = Batch::new(BatchRules::default());
    for object in objects {
        let mut row = RawRow::for_device();
        for (name, value) in object.as_object().unwrap() {
            row.set(name, raw_value(value));
        }
        batch.push(&row);
    }
    batch.into_devices().unwrap()
}

fn read_json(body: &[u8]) -> Vec<NewDevice> {
    let body: Value = serde_json::from_slice(body).unwrap();
    read_objects(body["devices"].as_array().unwrap())
}

fn read_ndjson(lines: &[u8]) -> Vec<NewDevice> {
    let lines = std::str::from_utf8(lines).unwrap().lines();
    let objects: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    read_objects(&objects)
}

fn read_csv(text: &[u8]) -> Vec<NewDevice> {
    let mut csv = csv::Reader::from_reader(text);
    let names = csv.headers().unwrap().clone();
    let mut batch = Batch::new(BatchRules::default());
    for record in csv.records() {
        let record = record.unwrap();
        let mut row = RawRow::for_device();
        for (name, cell) in names.iter().zip(&record) {
            row.set_text(name, cell);
        }
        batch.push(&row);
    }
    batch.into_devices().unwrap()
}

fn open(workbook: &[u8]) -> ImportFile<Cursor<&[u8]>> {
    let limits = ImportLimits {
        max_columns: 2_000,
        ..ImportLimits::default()
    };
    ImportFile::open(Cursor::new(workbook), &ImportOptions::default(), limits).unwrap()
}

/// Imports a workbook without options.
fn read_xlsx(workbook: &[u8]) -> Vec<NewDevice> {
    let mut file = open(workbook);
    assert!(file.columns().iter().all(|column| column.field.is_some()));
    let mut batch = Batch::new(BatchRules::default());
    file.read_rows(|_, row| batch.push(row)).unwrap();
    batch.into_devices().unwrap()
}

fn encoder(format: ExportFormat, devices: &[NewDevice]) -> Encoder {
    let attributes = devices
        .iter()
        .map(|device| &device.fields.inventory.attributes);
    let keys = attributes.flat_map(|attributes| attributes.iter().map(|(key, _)| key.to_owned()));
    let keys: BTreeSet<String> = keys.collect();
    Encoder::new(format, keys.into_iter().collect())
}

/// Reads devices from JSON, without their user ids, which are not exported.
fn devices(sent: &[Value]) -> Vec<NewDevice> {
    let mut devices = read_objects(sent);
    for device in &mut devices {
        device.fields.ownership.user_id = None;
    }
    devices
}

proptest! {
    #[test]
    fn exported_devices_are_read_back_unchanged(
        mut sent in prop::collection::vec(valid_device(), 1..4),
        split in 0..4_usize,
    ) {
        for (index, device) in sent.iter_mut().enumerate() {
            device["serial_number"] = json!(format!("SN-{index}"));
        }
        let devices = devices(&sent);
        let (first, second) = devices.split_at(split.min(devices.len()));
        for (format, read) in [
            (ExportFormat::Json, read_json as fn(&[u8]) -> Vec<NewDevice>),
            (ExportFormat::Ndjson, read_ndjson),
            (ExportFormat::Csv, read_csv),
            (ExportFormat::Xlsx, read_xlsx),
        ] {
            let mut encoder = encoder(format, &devices);
            // Only the last chunk of an export may be empty.
            let encoded = if first.is_empty() {
                encoder.encode(second, true).unwrap()
            } else {
                let mut encoded = encoder.encode(first, false).unwrap();
                encoded.extend(encoder.encode(second, true).unwrap());
                encoded
            };
            prop_assert_eq!(read(&encoded), devices.as_slice(), "{:?}", format);
        }
    }
}

#[test]
fn texts_that_look_like_formulas_and_numbers_survive_a_workbook() {
    let texts = [
        "=1+1",
        "=HYPERLINK(\"http://example.com\")",
        "=\"0012\"",
        "+49 30 1",
        "@SUM(A1)",
        "-1",
        "'0012",
        "0012",
        "1e5",
        "123456789012345678",
        "2024-05-31",
        "03/04/2024",
        "TRUE",
        "_x0041_",
        "<b>&amp;\"",
        "a\n\n\tb\nc",
        "\u{1F5A5}",
    ];
    let sent: Vec<_> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let line = text.replace(['\n', '\t'], " ");
            json!({
                "name": line, "type": line, "category": "x", "model": line, "comment": text,
                "serial_number": format!("00812{index}"), "asset_tag": format!("{index}E5"),
                "client_purchase_price": "1299,5", "client_purchase_date": "1899-12-31",
                "client_rental_endDate": "9999-12-31", "compliance": [line, "a,b", "c"],
                "attributes": {"Room": line, "=1+1": line, "Kostenstelle (DE) \u{e4}": "12"},
            })
        })
        .collect();
    let devices = devices(&sent);
    let encoded = encoder(ExportFormat::Xlsx, &devices).encode(&devices, true);
    assert_eq!(read_xlsx(&encoded.unwrap()), devices);
}

#[test]
fn long_comment_survives_a_workbook() {
    let comment = "\u{1F5A5}\n".repeat(4_999) + "z";
    let devices = devices(&[json!({
        "name": "x", "type": "x", "category": "x", "comment": comment,
    })]);
    let encoded = encoder(ExportFormat::Xlsx, &devices).encode(&devices, true);
    assert_eq!(read_xlsx(&encoded.unwrap()), devices);
}

#[test]
fn workbook_of_chunks_has_all_devices() {
    let device = devices(&[json!({"name": "x", "type": "x", "category": "x"})]).remove(0);
    let chunk = vec![device; 250];
    let mut encoder = Encoder::new(ExportFormat::Xlsx, Vec::new());
    let mut workbook = Vec::new();
    let mut max_chunk = 0;
    for _ in 0..20 {
        let encoded = encoder.encode(&chunk, false).unwrap();
        max_chunk = max_chunk.max(encoded.len());
        workbook.extend(encoded);
    }
    workbook.extend(encoder.encode(&[], true).unwrap());
    let file = open(&workbook);
    assert_eq!(file.description().rows, 5_000);
    assert!(matches!(&file.description().kind, FileKind::Xlsx { sheet, .. } if sheet == "Devices"));
    // The encoder keeps no rows: the chunks leave it as they are written.
    assert!(max_chunk > 0 && max_chunk < workbook.len() / 2);
}
