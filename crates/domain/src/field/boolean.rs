//! Booleans.

use super::{FieldValue, Format, InvalidValue, RawValue};

impl FieldValue for bool {
    const FORMAT: Format = Format::Boolean;

    fn parse(raw: &RawValue<'_>) -> Result<Self, InvalidValue> {
        match raw {
            RawValue::Boolean(value) => Ok(*value),
            other => Err(InvalidValue::wrong_type("true or false", other)),
        }
    }

    fn to_raw(&self) -> RawValue<'_> {
        RawValue::Boolean(*self)
    }
}
