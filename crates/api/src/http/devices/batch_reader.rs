//! Reads a batch out of a body in one pass: each device is judged as soon as it was read, its
//! strings are borrowed from the body where they can be, and no tree of values is built.

use std::borrow::Cow;
use std::collections::HashSet;

use devices_domain::{
    Batch, BatchRules, ErrorCode, FieldError, Kind, RawRow, Reason, UnknownFields,
};
use serde::de::{IgnoredAny, MapAccess, SeqAccess};
use serde_json::value::RawValue as RawJson;

use crate::http::json::{self, Any, Expected, no_object, read_members, read_name};

/// The judged batch of a body `{"devices": [...]}`.
///
/// # Errors
/// Where the bytes are no JSON text at all. Every other fault, also of the body's shape, is in the
/// batch: it will be refused.
pub fn read(body: &[u8], rules: BatchRules) -> Result<Batch, FieldError> {
    let mut batch = Batch::new(rules);
    json::read(
        body,
        "a JSON object with the member `devices`",
        Body(&mut batch),
    )?;
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

struct Body<'b>(&'b mut Batch);

impl<'de> Expected<'de> for Body<'_> {
    fn object<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Self(batch) = self;
        let mut has_devices = false;
        let mut ignored = HashSet::new();
        while let Some(name) = members.next_key::<&RawJson>()? {
            let name = read_name(name.get());
            if name != DEVICES {
                members.next_value::<IgnoredAny>()?;
                if batch.rules().unknown_fields == UnknownFields::Refuse {
                    refuse_member(batch, &name, Reason::UnknownField);
                } else if let Some(name) = ignored.replace(name) {
                    refuse_member(batch, &name, Reason::RepeatedField);
                }
            } else if has_devices {
                members.next_value::<IgnoredAny>()?;
                refuse(batch, DEVICES, Reason::RepeatedField, GIVEN_TWICE);
            } else {
                has_devices = true;
                members.next_value_seed(Any(Devices(batch)))?;
            }
        }
        if !has_devices {
            refuse(batch, DEVICES, Reason::Required, "is required");
        }
        Ok(())
    }

    fn other(self, found: Kind) {
        self.0.refuse(no_object(found));
    }
}

struct Devices<'b>(&'b mut Batch);

impl<'de> Expected<'de> for Devices<'_> {
    fn array<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self(batch) = self;
        let mut row = RawRow::new();
        while items
            .next_element_seed(Any(Device {
                batch,
                row: &mut row,
            }))?
            .is_some()
        {}
        Ok(())
    }

    fn other(self, found: Kind) {
        let detail = format!("must be an array, not {}", found.as_str());
        refuse(self.0, DEVICES, Reason::WrongType, detail);
    }
}

/// One device; the row is lent so that all devices fill the same one.
struct Device<'b, 'de> {
    batch: &'b mut Batch,
    row: &'b mut RawRow<'de>,
}

impl<'de> Expected<'de> for Device<'_, 'de> {
    fn object<A: MapAccess<'de>>(self, members: A) -> Result<(), A::Error> {
        self.row.clear();
        read_members(members, self.row)?;
        self.batch.push(self.row);
        Ok(())
    }

    fn other(self, found: Kind) {
        self.batch.push_other(found);
    }
}

#[cfg(test)]
mod tests;
