//! `row_ref`: the reference with which a client identifies a row of a batch.

use super::raw_row::ROW_REF;
use super::{FieldType, InvalidValue, RawRow, Text};
use crate::validation::error::FieldError;

/// Reference of a row, which the response repeats. It is not stored, and need not be unique.
pub type RowRef = Text<128>;

/// Reads the `row_ref` of a row of a batch. Null and blank text mean absent.
pub(crate) fn read_row_ref(row: &RawRow<'_>) -> Result<Option<RowRef>, FieldError> {
    let mut error = None;
    let row_ref = Option::<RowRef>::read(row.row_ref(), &mut |item, invalid: InvalidValue| {
        error = Some(invalid.at(ROW_REF, item));
    });
    match error {
        Some(error) => Err(error),
        None => Ok(row_ref.flatten()),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::field::RawValue;
    use crate::validation::error::Reason;

    fn row_ref(value: RawValue<'static>) -> Result<Option<String>, Reason> {
        let mut row = RawRow::for_device().with_row_ref();
        row.set(ROW_REF, value);
        let row_ref = read_row_ref(&row).map_err(|error| error.reason)?;
        Ok(row_ref.map(|row_ref| row_ref.as_str().to_owned()))
    }

    #[rstest]
    #[case(RawValue::Absent, None)]
    #[case(RawValue::Null, None)]
    #[case(RawValue::text(" "), None)]
    #[case(RawValue::text("A-17"), Some("A-17"))]
    fn text_is_accepted(#[case] value: RawValue<'static>, #[case] expected: Option<&str>) {
        assert_eq!(row_ref(value).unwrap().as_deref(), expected);
    }

    #[rstest]
    #[case(RawValue::Integer(17), Reason::WrongType)]
    #[case(RawValue::text("a\nb"), Reason::ControlCharacter)]
    #[case(RawValue::IllFormedText, Reason::IllFormedText)]
    #[case(RawValue::text("é".repeat(129)), Reason::TooLong)]
    fn other_values_are_rejected(#[case] value: RawValue<'static>, #[case] reason: Reason) {
        assert_eq!(row_ref(value), Err(reason));
    }

    #[test]
    fn only_rows_of_batches_have_a_reference() {
        let mut row = RawRow::for_device();
        row.set(ROW_REF, RawValue::text("A-17"));
        assert_eq!(row.unknown_names(), [ROW_REF]);
        let mut row = RawRow::for_device().with_row_ref();
        row.set(ROW_REF, RawValue::text("A-17"));
        row.set(ROW_REF, RawValue::text("A-18"));
        assert_eq!(row.repeated_names(), [ROW_REF]);
    }
}
