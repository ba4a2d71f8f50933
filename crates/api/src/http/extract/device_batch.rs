//! Reads a batch from a body in one pass. Each device is validated as soon as it has been read.
//! Strings are borrowed from the body where possible, and no tree of values is built.

use std::borrow::Cow;

use devices_domain::{Batch, ErrorCode, FieldError, RawRow, Reason, UpsertBatch, ValueKind};

use crate::http::extract::json::{self, JsonReader};
use crate::http::extract::json_object::not_an_object;

/// Collects and validates the rows of a batch.
pub trait RowSink {
    /// Validates the next row.
    fn push(&mut self, row: &RawRow<'_>);
    /// Rejects the next row because it is not an object.
    fn push_non_object(&mut self, found: ValueKind);
    /// Rejects the batch as a whole.
    fn reject(&mut self, error: FieldError);
}

macro_rules! row_sink {
    ($Batch:ident) => {
        impl RowSink for $Batch {
            fn push(&mut self, row: &RawRow<'_>) {
                $Batch::push(self, row);
            }

            fn push_non_object(&mut self, found: ValueKind) {
                $Batch::push_non_object(self, found);
            }

            fn reject(&mut self, error: FieldError) {
                $Batch::reject(self, error);
            }
        }
    };
}

row_sink!(Batch);
row_sink!(UpsertBatch);

/// Reads the rows in a body `{"devices": [...]}` into `batch`, which validates them.
///
/// # Errors
/// If the body is not JSON. All other errors, including those of the body's structure, are
/// recorded in the batch, which is then rejected.
pub fn read<B: RowSink>(body: &[u8], mut batch: B) -> Result<B, FieldError> {
    json::read(body, "a JSON object with the member `devices`", |json| {
        match json.kind() {
            ValueKind::Object => read_body(json, &mut batch),
            other => {
                json.skip();
                batch.reject(not_an_object(other));
            }
        }
        batch
    })
}

/// Name of the only member of the body.
const DEVICES: &str = "devices";

fn reject(
    batch: &mut impl RowSink,
    field: &str,
    reason: Reason,
    detail: impl Into<Cow<'static, str>>,
) {
    let field = field.to_owned();
    batch.reject(FieldError::new(
        field,
        ErrorCode::InvalidBody,
        reason,
        detail,
    ));
}

fn reject_unknown_member(batch: &mut impl RowSink, name: &str) {
    let mut error = FieldError::unknown_name("field", name, ErrorCode::InvalidBody, None);
    error.detail = format!("{}, the body has only the field `devices`", error.detail).into();
    batch.reject(error);
}

/// Reads the members of the body. Unknown ones are always errors: `UnknownFields::Ignore` concerns
/// fields of devices. An ignored option of the batch would change what is stored.
fn read_body(json: &mut JsonReader<'_>, batch: &mut impl RowSink) {
    let mut has_devices = false;
    while let Some(name) = json.next_member() {
        if name != DEVICES {
            json.skip();
            reject_unknown_member(batch, &name);
        } else if has_devices {
            json.skip();
            reject(batch, DEVICES, Reason::RepeatedField, "is given twice");
        } else {
            has_devices = true;
            read_devices(json, batch);
        }
    }
    if !has_devices {
        reject(batch, DEVICES, Reason::Required, "is required");
    }
}

fn read_devices(json: &mut JsonReader<'_>, batch: &mut impl RowSink) {
    match json.kind() {
        ValueKind::List => {}
        other => {
            json.skip();
            let detail = format!("must be an array, not {}", other.as_str());
            return reject(batch, DEVICES, Reason::WrongType, detail);
        }
    }
    // Reused for all devices, to save allocations.
    let mut row = RawRow::for_device().with_row_ref();
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
