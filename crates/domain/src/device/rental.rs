//! Rental dates: a rental must not end before it starts.

use super::fields::{DeviceFields, FieldIndex, name_of};
use crate::field::{Date, FieldChange, RawRow, read_change, read_if_valid};
use crate::validation::error::FieldError;
use crate::validation::period::period_error;

/// Returns the error of a rental that ends before it starts.
pub(super) fn date_order_error(start: Option<Date>, end: Option<Date>) -> Option<FieldError> {
    period_error(
        (name_of(FieldIndex::client_rental_start_date), start),
        (name_of(FieldIndex::client_rental_end_date), end),
    )
}

/// Checks the dates of a rejected row, so that their order is reported beside errors of other
/// fields.
pub(super) fn row_date_order_error(row: &RawRow<'_>) -> Option<FieldError> {
    date_order_error(
        read_if_valid(row, FieldIndex::client_rental_start_date as usize),
        read_if_valid(row, FieldIndex::client_rental_end_date as usize),
    )
}

/// Rental dates of a rejected patch.
#[derive(Debug)]
pub(super) struct RentalDates {
    start: FieldChange<Option<Date>>,
    end: FieldChange<Option<Date>>,
}

impl RentalDates {
    /// Reads the dates of a patch. An invalid date counts as absent.
    pub(super) fn from_row(row: &RawRow<'_>) -> Self {
        let read = |index: FieldIndex| {
            let change = read_change(row, index as usize, &mut |_| ());
            change.unwrap_or(FieldChange::Keep)
        };
        Self {
            start: read(FieldIndex::client_rental_start_date),
            end: read(FieldIndex::client_rental_end_date),
        }
    }

    /// Returns the error that the dates would cause in a device with these fields.
    pub(super) fn error(&self, fields: &DeviceFields) -> Option<FieldError> {
        let mut start = fields.ownership.client_rental_start_date;
        let mut end = fields.ownership.client_rental_end_date;
        self.start.apply(&mut start);
        self.end.apply(&mut end);
        date_order_error(start, end)
    }
}
