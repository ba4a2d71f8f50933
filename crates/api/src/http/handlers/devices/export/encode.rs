//! Encoding of devices as JSON, NDJSON and CSV.

use std::error::Error;

use devices_domain::{Field, NewDevice, RawRow, RawValue, fields};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::format::ExportFormat;

/// Result of encoding a chunk.
type Encoded = Result<Vec<u8>, Box<dyn Error + Send + Sync>>;

/// Encoder of an export.
pub(super) struct Encoder {
    pub(super) format: ExportFormat,
    /// Keys of the attributes that have a column in CSV, sorted.
    pub(super) attribute_keys: Vec<String>,
}

impl Encoder {
    /// Encodes a chunk of an export. The first chunk has the header, the last one the end.
    ///
    /// # Errors
    /// In CSV, if a device has an attribute without a column: the export would lose its value.
    pub(super) fn encode(&self, devices: &[NewDevice], is_first: bool, is_last: bool) -> Encoded {
        match self.format {
            ExportFormat::Csv => encode_csv(devices, &self.attribute_keys, is_first),
            ExportFormat::Ndjson => encode_ndjson(devices),
            ExportFormat::Json => encode_json(devices, is_first, is_last),
        }
    }
}

fn encode_csv(devices: &[NewDevice], keys: &[String], is_first: bool) -> Encoded {
    let mut chunk = Vec::new();
    let mut csv = csv::Writer::from_writer(&mut chunk);
    if is_first {
        csv.write_record(columns(keys).map(Column::name))?;
    }
    for device in devices {
        let row = device.to_row();
        if let RawValue::Object(members) = row.get(ATTRIBUTES)
            && members.iter().any(|(key, _)| !has_key(keys, key))
        {
            return Err("a device got an attribute after the header was sent".into());
        }
        csv.write_record(columns(keys).map(|column| column.cell(&row)))?;
    }
    csv.flush()?;
    drop(csv);
    Ok(chunk)
}

fn encode_ndjson(devices: &[NewDevice]) -> Encoded {
    let mut chunk = Vec::new();
    for device in devices {
        serde_json::to_writer(&mut chunk, &JsonRow(&device.to_row()))?;
        chunk.push(b'\n');
    }
    Ok(chunk)
}

fn encode_json(devices: &[NewDevice], is_first: bool, is_last: bool) -> Encoded {
    let mut chunk = Vec::new();
    if is_first {
        chunk.extend_from_slice(b"{\"devices\":[");
    }
    for (index, device) in devices.iter().enumerate() {
        if !is_first || index > 0 {
            chunk.push(b',');
        }
        serde_json::to_writer(&mut chunk, &JsonRow(&device.to_row()))?;
    }
    if is_last {
        chunk.extend_from_slice(b"]}");
    }
    Ok(chunk)
}

/// Name of the field whose keys have a column each.
const ATTRIBUTES: &str = "attributes";

fn has_key(keys: &[String], key: &str) -> bool {
    keys.binary_search_by(|known| known.as_str().cmp(key))
        .is_ok()
}

/// A column of a CSV.
#[derive(Clone, Copy)]
enum Column<'k> {
    Field(&'static str),
    Attribute(&'k str),
}

impl Column<'_> {
    /// Returns the name that [`RawRow::set_text`] reads.
    fn name(self) -> String {
        match self {
            Self::Field(name) => name.to_owned(),
            Self::Attribute(key) => format!("{ATTRIBUTES}.{key}"),
        }
    }

    fn cell(self, row: &RawRow<'_>) -> String {
        match self {
            Self::Field(name) => cell(row.get(name)),
            Self::Attribute(key) => match row.get(ATTRIBUTES) {
                RawValue::Object(members) => members
                    .binary_search_by(|(present, _)| present.as_ref().cmp(key))
                    .map_or_else(|_| String::new(), |index| cell(&members[index].1)),
                _ => String::new(),
            },
        }
    }
}

/// Returns the CSV columns: all fields except `user_id`, and a column per key in the place of
/// `attributes`. In another workspace, the same users have other ids, but the same email addresses.
fn columns(keys: &[String]) -> impl Iterator<Item = Column<'_>> {
    let names = fields().iter().map(Field::name);
    let names = names.filter(|name| *name != "user_id");
    names.flat_map(move |name| {
        let field = (name != ATTRIBUTES).then_some(Column::Field(name));
        let keys = if name == ATTRIBUTES { keys } else { &[] };
        let keys = keys.iter().map(|key| Column::Attribute(key));
        field.into_iter().chain(keys)
    })
}

/// Returns the text that [`RawRow::set_text`] reads as the same value.
fn cell(value: &RawValue<'_>) -> String {
    match value {
        RawValue::Text(text) => text.to_string(),
        RawValue::Integer(number) => number.to_string(),
        RawValue::Boolean(value) => value.to_string(),
        RawValue::List(items) => items.iter().map(cell).collect::<Vec<_>>().join("\n"),
        _ => String::new(),
    }
}

/// A row as a JSON object of the fields that are present.
struct JsonRow<'a>(&'a RawRow<'a>);

impl Serialize for JsonRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        for (name, value) in self.0.present_fields() {
            object.serialize_entry(name, &JsonValue(value))?;
        }
        object.end()
    }
}

struct JsonValue<'a>(&'a RawValue<'a>);

impl Serialize for JsonValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            RawValue::Text(text) => serializer.serialize_str(text),
            RawValue::Integer(number) => serializer.serialize_i64(*number),
            RawValue::Boolean(value) => serializer.serialize_bool(*value),
            RawValue::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(&JsonValue(item))?;
                }
                list.end()
            }
            RawValue::Object(members) => {
                let mut object = serializer.serialize_map(Some(members.len()))?;
                for (key, value) in members {
                    object.serialize_entry(key, &JsonValue(value))?;
                }
                object.end()
            }
            _ => serializer.serialize_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use devices_domain::{Batch, BatchRules};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::http::extract::device_batch;
    use crate::http::respond::arbitrary::valid_device;

    fn read_json(body: &[u8]) -> Vec<NewDevice> {
        let batch = device_batch::read(body, Batch::new(BatchRules::default())).unwrap();
        batch.into_devices().unwrap()
    }

    fn read_ndjson(lines: &[u8]) -> Vec<NewDevice> {
        let lines = std::str::from_utf8(lines).unwrap().lines();
        let body = format!(r#"{{"devices":[{}]}}"#, lines.collect::<Vec<_>>().join(","));
        read_json(body.as_bytes())
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

    fn encoder(format: ExportFormat, devices: &[NewDevice]) -> Encoder {
        let attributes = devices
            .iter()
            .map(|device| &device.fields.inventory.attributes);
        let keys =
            attributes.flat_map(|attributes| attributes.iter().map(|(key, _)| key.to_owned()));
        let keys: std::collections::BTreeSet<String> = keys.collect();
        Encoder {
            format,
            attribute_keys: keys.into_iter().collect(),
        }
    }

    /// Reads devices from JSON, without their user ids, which are not exported.
    fn devices(sent: Vec<serde_json::Value>) -> Vec<NewDevice> {
        let mut devices = read_json(json!({ "devices": sent }).to_string().as_bytes());
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
            let devices = devices(sent);
            let (first, second) = devices.split_at(split.min(devices.len()));
            for (format, read) in [
                (ExportFormat::Json, read_json as fn(&[u8]) -> Vec<NewDevice>),
                (ExportFormat::Ndjson, read_ndjson),
                (ExportFormat::Csv, read_csv),
            ] {
                let encoder = encoder(format, &devices);
                // Only the last chunk of an export may be empty.
                let encoded = if first.is_empty() {
                    encoder.encode(second, true, true).unwrap()
                } else {
                    let mut encoded = encoder.encode(first, true, false).unwrap();
                    encoded.extend(encoder.encode(second, false, true).unwrap());
                    encoded
                };
                prop_assert_eq!(read(&encoded), devices.as_slice(), "{:?}", format);
            }
        }
    }

    #[test]
    fn empty_export_is_valid_in_every_format() {
        let encode = |format: ExportFormat| {
            let encoded = encoder(format, &[]).encode(&[], true, true).unwrap();
            String::from_utf8(encoded).unwrap()
        };
        assert_eq!(encode(ExportFormat::Json), r#"{"devices":[]}"#);
        assert_eq!(encode(ExportFormat::Ndjson), "");
        let header: Vec<_> = columns(&[]).map(Column::name).collect();
        assert_eq!(encode(ExportFormat::Csv), header.join(",") + "\n");
    }

    #[test]
    fn csv_with_attribute_without_column_is_an_error() {
        let device = devices(vec![json!({
            "name": "x", "type": "x", "category": "x", "attributes": {"Room": "B12"},
        })]);
        let mut encoder = encoder(ExportFormat::Csv, &device);
        assert!(encoder.encode(&device, true, true).is_ok());
        encoder.attribute_keys.clear();
        assert!(encoder.encode(&device, true, true).is_err());
    }
}
