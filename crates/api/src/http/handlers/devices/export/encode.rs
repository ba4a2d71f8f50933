//! Encoding of devices as JSON, NDJSON and CSV.

use std::error::Error;

use devices_domain::{Field, NewDevice, RawRow, RawValue, fields};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::format::ExportFormat;

/// Result of encoding a chunk.
type Encoded = Result<Vec<u8>, Box<dyn Error + Send + Sync>>;

impl ExportFormat {
    /// Encodes a chunk of an export. The first chunk has the header, the last one the end.
    pub(super) fn encode(self, devices: &[NewDevice], is_first: bool, is_last: bool) -> Encoded {
        match self {
            Self::Csv => encode_csv(devices, is_first),
            Self::Ndjson => encode_ndjson(devices),
            Self::Json => encode_json(devices, is_first, is_last),
        }
    }
}

fn encode_csv(devices: &[NewDevice], is_first: bool) -> Encoded {
    let mut chunk = Vec::new();
    let mut csv = csv::Writer::from_writer(&mut chunk);
    if is_first {
        csv.write_record(columns())?;
    }
    for device in devices {
        let row = device.to_row();
        csv.write_record(columns().map(|name| cell(row.get(name))))?;
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

/// Returns the names of the CSV columns: all fields except `user_id`. In another workspace, the
/// same users have other ids, but the same email addresses.
fn columns() -> impl Iterator<Item = &'static str> {
    let names = fields().iter().map(Field::name);
    names.filter(|name| *name != "user_id")
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
        let batch = device_batch::read(body, BatchRules::default()).unwrap();
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
                // Only the last chunk of an export may be empty.
                let encoded = if first.is_empty() {
                    format.encode(second, true, true).unwrap()
                } else {
                    let mut encoded = format.encode(first, true, false).unwrap();
                    encoded.extend(format.encode(second, false, true).unwrap());
                    encoded
                };
                prop_assert_eq!(read(&encoded), devices.as_slice(), "{:?}", format);
            }
        }
    }

    #[test]
    fn empty_export_is_valid_in_every_format() {
        let encode = |format: ExportFormat| {
            let encoded = format.encode(&[], true, true).unwrap();
            String::from_utf8(encoded).unwrap()
        };
        assert_eq!(encode(ExportFormat::Json), r#"{"devices":[]}"#);
        assert_eq!(encode(ExportFormat::Ndjson), "");
        let header = columns().collect::<Vec<_>>().join(",");
        assert_eq!(encode(ExportFormat::Csv), header + "\n");
    }
}
