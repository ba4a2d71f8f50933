//! Reads a batch out of a body in one pass: each device is judged as soon as it was read, its
//! strings are borrowed from the body where they can be, and no tree of values is built.

use std::borrow::Cow;
use std::collections::HashSet;

use devices_domain::{
    Batch, BatchRules, ErrorCode, FieldError, RawRow, Reason, UnknownFields, ValueKind,
};

use crate::http::extract::json::{self, JsonReader};
use crate::http::extract::json_object::not_an_object;

/// The judged batch of a body `{"devices": [...]}`.
///
/// # Errors
/// Where the bytes are no JSON text at all. Every other fault, also of the body's shape, is in the
/// batch: it will be refused.
pub fn read(body: &[u8], rules: BatchRules) -> Result<Batch, FieldError> {
    let mut json = json::parse(body, "a JSON object with the member `devices`")?;
    let mut batch = Batch::new(rules);
    match json.kind() {
        ValueKind::Object => read_body(&mut json, &mut batch),
        found => batch.refuse(not_an_object(found)),
    }
    Ok(batch)
}

/// The one member of the body.
const DEVICES: &str = "devices";

fn refuse(batch: &mut Batch, field: &str, reason: Reason, detail: impl Into<Cow<'static, str>>) {
    let field = field.to_owned();
    batch.refuse(FieldError::of(
        field,
        ErrorCode::InvalidBody,
        reason,
        detail,
    ));
}

/// Names that are longer are not repeated to their sender.
const MAX_SHOWN_NAME: usize = 255;

fn refuse_member(batch: &mut Batch, name: &str, reason: Reason) {
    let (shown, hidden) = match reason {
        Reason::RepeatedField => (GIVEN_TWICE, "holds a member twice"),
        _ => (
            "is no member of the body, which holds `devices` alone",
            "holds a member that it does not know; it holds `devices` alone",
        ),
    };
    match name.len() > MAX_SHOWN_NAME {
        true => batch.refuse(FieldError::whole(ErrorCode::InvalidBody, reason, hidden)),
        false => refuse(batch, name, reason, shown),
    }
}

const GIVEN_TWICE: &str = "is given twice";

fn read_body(json: &mut JsonReader<'_>, batch: &mut Batch) {
    let mut has_devices = false;
    let mut ignored = HashSet::new();
    while let Some(name) = json.next_member() {
        if name != DEVICES {
            json.skip();
            if batch.rules().unknown_fields == UnknownFields::InvalidValueSink {
                refuse_member(batch, &name, Reason::UnknownField);
            } else if let Some(name) = ignored.replace(name) {
                refuse_member(batch, &name, Reason::RepeatedField);
            }
        } else if has_devices {
            json.skip();
            refuse(batch, DEVICES, Reason::RepeatedField, GIVEN_TWICE);
        } else {
            has_devices = true;
            read_devices(json, batch);
        }
    }
    if !has_devices {
        refuse(batch, DEVICES, Reason::Required, "is required");
    }
}

fn read_devices(json: &mut JsonReader<'_>, batch: &mut Batch) {
    match json.kind() {
        ValueKind::List => {}
        found => {
            json.skip();
            let detail = format!("must be an array, not {}", found.as_str());
            return refuse(batch, DEVICES, Reason::WrongType, detail);
        }
    }
    // All devices fill the same one.
    let mut row = RawRow::new();
    while json.next_item() {
        match json.kind() {
            ValueKind::Object => {
                row.clear();
                json.read_members(&mut row);
                batch.push(&row);
            }
            found => {
                json.skip();
                batch.push_other(found);
            }
        }
    }
}

#[cfg(test)]
mod tests;
