//! Values of fields that no column provides.

use std::borrow::Cow;

use devices_domain::{FieldError, NewDevice, RawRow, RawValue};

use crate::columns::{Target, TargetError};
use crate::error::{OptionError, OptionErrorReason};
use crate::options::{ImportOptions, pointer};
use crate::value::ValueReader;

/// Value of a field that no column provides.
#[derive(Debug)]
pub(crate) struct Default {
    pub(crate) target: Target,
    value: RawValue<'static>,
}

impl Default {
    /// Parses the defaults of the options.
    ///
    /// # Errors
    /// Rejects unknown fields, and values that validation would reject in each row.
    pub(crate) fn parse_all(options: &ImportOptions) -> Result<Vec<Self>, OptionError> {
        let defaults = options.defaults.iter();
        defaults
            .map(|(name, text)| Self::parse(name, text, options))
            .collect()
    }

    fn parse(name: &str, text: &str, options: &ImportOptions) -> Result<Self, OptionError> {
        let pointer = || pointer(&["defaults", name]);
        let target = Target::parse(name).map_err(|TargetError(message)| {
            OptionError::new(pointer(), OptionErrorReason::UnknownField, message)
        })?;
        // Without translations: those are for the values of the file.
        let reader = ValueReader::new(
            &target,
            &ImportOptions {
                values: std::collections::BTreeMap::new(),
                ..options.clone()
            },
            false,
        );
        let value = into_owned(reader.read_text(text));
        let default = Self { target, value };
        match default.find_error() {
            None => Ok(default),
            Some(error) => Err(OptionError::new(
                pointer(),
                OptionErrorReason::Malformed,
                error.to_string(),
            )),
        }
    }

    /// Borrows the value, so that no row copies it.
    pub(crate) fn value(&self) -> RawValue<'_> {
        match &self.value {
            RawValue::Text(text) => RawValue::Text(Cow::Borrowed(text)),
            value => value.clone(),
        }
    }

    /// Returns the error that validation would report in each row.
    fn find_error(&self) -> Option<FieldError> {
        let mut row = RawRow::for_device();
        let name = match &self.target {
            Target::Field(field) => {
                row.set(field.name(), self.value());
                field.name()
            }
            Target::Attribute(key) => {
                let member = (Cow::Borrowed(key.as_str()), self.value());
                row.set(ATTRIBUTES, RawValue::Object(vec![member]));
                ATTRIBUTES
            }
        };
        let errors = NewDevice::from_row(&row).err()?;
        let is_own = |error: &FieldError| error.field.as_deref() == Some(name);
        errors.into_iter().find(is_own)
    }
}

/// Name of the field whose keys have a column each.
pub(super) const ATTRIBUTES: &str = "attributes";

fn into_owned(value: RawValue<'_>) -> RawValue<'static> {
    match value {
        RawValue::Text(text) => RawValue::Text(text.into_owned().into()),
        RawValue::List(items) => RawValue::List(items.into_iter().map(into_owned).collect()),
        RawValue::Boolean(value) => RawValue::Boolean(value),
        RawValue::Integer(value) => RawValue::Integer(value),
        RawValue::Invalid(invalid) => RawValue::Invalid(invalid),
        // The reader of a text returns no other value.
        _ => RawValue::Absent,
    }
}
