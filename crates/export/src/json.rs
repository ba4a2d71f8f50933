//! Devices as JSON.

use devices_domain::{NewDevice, RawRow, RawValue};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

/// Returns a JSON object per line.
pub(crate) fn encode_ndjson(devices: &[NewDevice]) -> serde_json::Result<Vec<u8>> {
    let mut chunk = Vec::new();
    for device in devices {
        serde_json::to_writer(&mut chunk, &JsonRow(&device.to_row()))?;
        chunk.push(b'\n');
    }
    Ok(chunk)
}

/// Returns a chunk of an object with a list of devices.
pub(crate) fn encode_json(
    devices: &[NewDevice],
    is_first: bool,
    is_last: bool,
) -> serde_json::Result<Vec<u8>> {
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
