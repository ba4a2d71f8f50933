//! Ids of users.

use super::{FieldValue, Format, InvalidValue, RawValue, ValueKind};
use crate::ids::UserId;
use crate::validation::error::Reason;

impl FieldValue for UserId {
    const FORMAT: Format = Format::Id;

    fn parse(raw: &RawValue<'_>) -> Result<Self, InvalidValue> {
        match raw {
            RawValue::Integer(id) if *id > 0 => Ok(Self(*id)),
            RawValue::Integer(_) | RawValue::HugeInteger => Err(InvalidValue::new(
                Reason::OutOfRange,
                format!("must be an integer from 1 to {}", i64::MAX),
            )),
            RawValue::Other(ValueKind::Number) => Err(InvalidValue::new(
                Reason::WrongType,
                "must be an integer, without a fraction",
            )),
            other => Err(InvalidValue::wrong_type("an integer", other)),
        }
    }

    fn to_raw(&self) -> RawValue<'_> {
        RawValue::Integer(self.0)
    }
}
