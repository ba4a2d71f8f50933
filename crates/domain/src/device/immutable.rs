//! Immutable fields in a patch: the stored value is no change, any other value is an error.

use super::fields::{DEVICE, DeviceFields};
use crate::field::{Field, InvalidValue, RawRow, RawValue, is_empty_value, sanitize};
use crate::fold::fold_case;
use crate::validation::error::{ErrorCode, FieldError, Reason};

/// Values that a patch sends for immutable fields. Clients send back a device that they have read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ImmutableValues {
    sent: Vec<(&'static Field, SentValue)>,
    ignores_case: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum SentValue {
    /// Null or blank text.
    Empty,
    /// Text without the white space around it.
    Text(String),
    /// A value that its reader rejected.
    Invalid(Box<InvalidValue>),
    /// A value that no immutable field has.
    Other,
}

impl SentValue {
    fn of(raw: &RawValue<'_>) -> Self {
        if is_empty_value(raw) {
            return Self::Empty;
        }
        if let RawValue::Invalid(invalid) = raw {
            return Self::Invalid(invalid.clone());
        }
        match sanitize(raw) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Other,
        }
    }

    fn equals_ignoring_case(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(text), Self::Text(other)) => fold_case(text) == fold_case(other),
            _ => false,
        }
    }
}

impl ImmutableValues {
    /// Reads the values from a patch.
    pub(crate) fn from_row(row: &RawRow<'_>) -> Self {
        let immutable = DEVICE.fields.iter().filter(|field| field.is_immutable());
        let sent = immutable.filter_map(|field| match row.get(field.name()) {
            RawValue::Absent => None,
            value => Some((field, SentValue::of(value))),
        });
        Self {
            sent: sent.collect(),
            ignores_case: false,
        }
    }

    /// Accepts the stored value in another case, too: another tool may have sent the row.
    pub(crate) fn ignoring_case(mut self) -> Self {
        self.ignores_case = true;
        self
    }

    /// Returns an error for each value that is not the stored one: that of its reader if it
    /// rejected the value. Unless case is ignored, another spelling of the stored value is an
    /// error, too: it would not be stored.
    pub(crate) fn errors(&self, stored: &DeviceFields) -> Vec<FieldError> {
        let stored = stored.to_row();
        let changed = self.sent.iter().filter(|(field, sent)| {
            let stored = SentValue::of(stored.get(field.name()));
            stored != *sent && !(self.ignores_case && stored.equals_ignoring_case(sent))
        });
        let errors = changed.map(|(field, sent)| match sent {
            SentValue::Invalid(invalid) => InvalidValue::clone(invalid).at(field.name(), None),
            SentValue::Empty | SentValue::Text(_) | SentValue::Other => immutable_error(field),
        });
        errors.collect()
    }
}

fn immutable_error(field: &Field) -> FieldError {
    FieldError::new(
        field.name(),
        ErrorCode::InvalidField,
        Reason::ImmutableField,
        format!(
            "cannot be changed once {} is created: omit it, or send the stored value",
            DEVICE.noun
        ),
    )
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::device::NewDevice;

    fn row(fields: &[(&'static str, RawValue<'static>)]) -> RawRow<'static> {
        let mut row = RawRow::for_device();
        for (name, value) in fields {
            row.set(*name, value.clone());
        }
        row
    }

    /// Returns the fields at fault if these values are sent for a laptop that was imported or not.
    fn rejected(is_imported: bool, sent: &[(&'static str, RawValue<'static>)]) -> Vec<String> {
        let mut stored = row(&[
            ("name", RawValue::text("LT-1")),
            ("type", RawValue::text("Straße")),
            ("category", RawValue::text("computers")),
        ]);
        if is_imported {
            stored.set("added_via", RawValue::text("MASS_IMPORT"));
        }
        let stored = NewDevice::from_row(&stored).unwrap().fields;
        let errors = ImmutableValues::from_row(&row(sent)).errors(&stored);
        assert!(
            errors
                .iter()
                .all(|error| error.reason == Reason::ImmutableField)
        );
        let names = errors.into_iter().map(|error| error.field.unwrap());
        names.map(String::from).collect()
    }

    #[rstest]
    #[case("type", RawValue::text("Straße"))]
    #[case("type", RawValue::text(" Straße "))]
    #[case("category", RawValue::text("computers"))]
    #[case("added_via", RawValue::text("MASS_IMPORT"))]
    fn stored_value_is_no_change(#[case] name: &'static str, #[case] value: RawValue<'static>) {
        assert_eq!(rejected(true, &[(name, value)]), [""; 0]);
    }

    #[rstest]
    #[case(RawValue::text("phone"))]
    #[case(RawValue::text("STRASSE"))]
    #[case(RawValue::text("Computers"))]
    #[case(RawValue::text("mass_import"))]
    #[case(RawValue::text(""))]
    #[case(RawValue::text("Str\u{7}aße"))]
    #[case(RawValue::IllFormedText)]
    #[case(RawValue::Null)]
    #[case(RawValue::Integer(1))]
    #[case(RawValue::Boolean(true))]
    #[case(RawValue::List(vec![RawValue::text("Straße")]))]
    fn other_value_is_rejected(#[case] value: RawValue<'static>) {
        for name in ["type", "category", "added_via"] {
            assert_eq!(rejected(true, &[(name, value.clone())]), [name]);
        }
    }

    #[test]
    fn value_that_its_reader_rejected_keeps_its_error() {
        let stored = row(&[
            ("name", RawValue::text("LT-1")),
            ("type", RawValue::text("laptop")),
            ("category", RawValue::text("computers")),
        ]);
        let stored = NewDevice::from_row(&stored).unwrap().fields;
        let invalid = InvalidValue::new(Reason::Malformed, "is an error of the spreadsheet");
        let sent = row(&[("type", RawValue::Invalid(invalid.clone().into()))]);
        let errors = ImmutableValues::from_row(&sent).ignoring_case();
        assert_eq!(errors.errors(&stored), [invalid.at("type", None)]);
    }

    #[test]
    fn absent_added_via_stays_absent() {
        for empty in [RawValue::Null, RawValue::text(" ")] {
            assert_eq!(rejected(false, &[("added_via", empty.clone())]), [""; 0]);
            assert_eq!(rejected(true, &[("added_via", empty)]), ["added_via"]);
        }
        let sent = [("added_via", RawValue::text("MASS_IMPORT"))];
        assert_eq!(rejected(false, &sent), ["added_via"]);
    }

    #[test]
    fn every_changed_field_is_reported() {
        let sent = [
            ("category", RawValue::text("phones")),
            ("type", RawValue::text("phone")),
            ("added_via", RawValue::text("ONBOARDING")),
        ];
        assert_eq!(rejected(true, &sent), ["type", "category", "added_via"]);
        assert_eq!(rejected(true, &[]), [""; 0]);
    }
}
