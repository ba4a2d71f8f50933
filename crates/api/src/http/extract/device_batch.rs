//! Reads a batch from a body in one pass. Each device is validated as soon as it has been read.
//! Strings are borrowed from the body where possible, and no tree of values is built.

use std::borrow::Cow;
use std::collections::HashSet;

use devices_domain::{
    Batch, BatchRules, ErrorCode, FieldError, RawRow, Reason, UnknownFields, ValueKind,
};

use crate::http::extract::json::{self, JsonReader};
use crate::http::extract::json_object::not_an_object;

/// Reads and validates the batch in a body `{"devices": [...]}`.
///
/// # Errors
/// If the body is not JSON. All other errors, including those of the body's structure, are
/// recorded in the batch, which is then rejected.
pub fn read(body: &[u8], rules: BatchRules) -> Result<Batch, FieldError> {
    let mut json = json::parse(body, "a JSON object with the member `devices`")?;
    let mut batch = Batch::new(rules);
    match json.kind() {
        ValueKind::Object => read_body(&mut json, &mut batch),
        other => batch.reject(not_an_object(other)),
    }
    Ok(batch)
}

/// Name of the only member of the body.
const DEVICES: &str = "devices";

/// Maximum length in bytes of a name that an error shows.
const MAX_SHOWN_NAME: usize = 255;

const GIVEN_TWICE: &str = "is given twice";

fn reject(batch: &mut Batch, field: &str, reason: Reason, detail: impl Into<Cow<'static, str>>) {
    let field = field.to_owned();
    batch.reject(FieldError::new(
        field,
        ErrorCode::InvalidBody,
        reason,
        detail,
    ));
}

fn reject_unknown_member(batch: &mut Batch, name: &str) {
    let mut error = FieldError::unknown_name("field", name, ErrorCode::InvalidBody, None);
    error.detail = format!("{}, the body has only the field `devices`", error.detail).into();
    batch.reject(error);
}

fn reject_repeated_member(batch: &mut Batch, name: &str) {
    let reason = Reason::RepeatedField;
    if name.len() > MAX_SHOWN_NAME {
        let detail = "must not contain a field twice";
        batch.reject(FieldError::whole(ErrorCode::InvalidBody, reason, detail));
    } else {
        reject(batch, name, reason, GIVEN_TWICE);
    }
}

fn read_body(json: &mut JsonReader<'_>, batch: &mut Batch) {
    let mut has_devices = false;
    let mut ignored = HashSet::new();
    while let Some(name) = json.next_member() {
        if name != DEVICES {
            json.skip();
            if batch.rules().unknown_fields == UnknownFields::Reject {
                reject_unknown_member(batch, &name);
            } else if let Some(name) = ignored.replace(name) {
                reject_repeated_member(batch, &name);
            }
        } else if has_devices {
            json.skip();
            reject(batch, DEVICES, Reason::RepeatedField, GIVEN_TWICE);
        } else {
            has_devices = true;
            read_devices(json, batch);
        }
    }
    if !has_devices {
        reject(batch, DEVICES, Reason::Required, "is required");
    }
}

fn read_devices(json: &mut JsonReader<'_>, batch: &mut Batch) {
    match json.kind() {
        ValueKind::List => {}
        other => {
            json.skip();
            let detail = format!("must be an array, not {}", other.as_str());
            return reject(batch, DEVICES, Reason::WrongType, detail);
        }
    }
    // Reused for all devices, to save allocations.
    let mut row = RawRow::for_device();
    while json.next_item() {
        match json.kind() {
            ValueKind::Object => {
                row.clear();
                json.read_members(&mut row);
                batch.push(&row);
            }
            other => {
                json.skip();
                batch.push_non_object(other);
            }
        }
    }
}

#[cfg(test)]
mod tests;
