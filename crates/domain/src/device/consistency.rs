//! Rules that the fields of a device must meet together, although each value is valid alone.

use super::fields::{DeviceFields, FieldIndex, name_of};
use super::rental::{RentalDates, date_order_error};
use crate::field::{Attributes, FieldChange, RawRow, read_change};
use crate::validation::error::FieldError;

impl DeviceFields {
    /// Returns an error for each rule that the fields break together.
    pub(crate) fn consistency_errors(&self) -> Vec<FieldError> {
        let rental = date_order_error(
            self.ownership.client_rental_start_date,
            self.ownership.client_rental_end_date,
        );
        let attributes = attributes_error(&self.inventory.attributes);
        [rental, attributes].into_iter().flatten().collect()
    }
}

fn attributes_error(attributes: &Attributes) -> Option<FieldError> {
    let invalid = attributes.length_error()?;
    Some(invalid.at(name_of(FieldIndex::attributes), None))
}

/// Changes of a rejected patch that may break a rule together with the stored fields.
#[derive(Debug)]
pub(crate) struct ConsistencyChanges {
    rental: RentalDates,
    attributes: FieldChange<Attributes>,
}

impl ConsistencyChanges {
    /// Reads the changes from a patch. An invalid change counts as absent.
    pub(crate) fn from_row(row: &RawRow<'_>) -> Self {
        let attributes = read_change(row, FieldIndex::attributes as usize, &mut |_| ());
        Self {
            rental: RentalDates::from_row(row),
            attributes: attributes.unwrap_or(FieldChange::Keep),
        }
    }

    /// Returns the errors that the changes would cause in a device with these fields.
    pub(crate) fn errors(&self, fields: &DeviceFields) -> Vec<FieldError> {
        let mut attributes = fields.inventory.attributes.clone();
        self.attributes.apply(&mut attributes);
        let errors = [self.rental.error(fields), attributes_error(&attributes)];
        errors.into_iter().flatten().collect()
    }
}
