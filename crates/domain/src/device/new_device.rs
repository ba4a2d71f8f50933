//! New devices: the result of validating a row.

use std::collections::HashMap;

use super::fields::{
    Assignment, Characteristics, DEVICE, DeviceFields, Identity, Inventory, Ownership,
};
use super::rental;
use super::unique_fields::PerUniqueField;
use crate::field::{RawRow, RowRef, UnknownFields, read_row_ref, validate};
use crate::ids::UserId;
use crate::validation::error::FieldError;
use crate::validation::external_refs::ExternalRefs;
use crate::validation::report::ErrorReport;
use crate::validation::row_errors::RowErrors;

/// A device whose row is valid on its own. Conflicts with other rows and with stored data are
/// checked later.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDevice {
    /// Fields to store.
    pub fields: DeviceFields,
    /// Assignee by email address.
    pub assignment: Assignment,
    /// Reference of the row. Not stored.
    pub row_ref: Option<RowRef>,
}

impl NewDevice {
    /// Validates a row. Unknown fields are errors.
    ///
    /// ```
    /// use devices_domain::{NewDevice, RawRow, RawValue, Reason};
    ///
    /// let mut row = RawRow::for_device();
    /// row.set("name", RawValue::text("  Reception screen "));
    /// row.set("type", RawValue::text("screen"));
    /// row.set("category", RawValue::text("displays"));
    /// let device = NewDevice::from_row(&row).unwrap();
    /// assert_eq!(device.fields.identity.name.as_str(), "Reception screen");
    ///
    /// row.set("client_warranty_end_date", RawValue::text("2027-01-31"));
    /// let errors = NewDevice::from_row(&row).unwrap_err();
    /// assert_eq!(errors[0].reason, Reason::UnknownField);
    /// assert_eq!(
    ///     errors[0].to_string(),
    ///     "unknown field `client_warranty_end_date`, did you mean `client_warranty_endDate`?"
    /// );
    /// ```
    ///
    /// # Errors
    /// Returns every error, in the order of the field table, repeated and unknown fields last.
    pub fn from_row(row: &RawRow<'_>) -> Result<Self, Vec<FieldError>> {
        let mut report = ErrorReport::new(usize::MAX);
        let errors = &mut RowErrors::new(&mut report, None);
        let device = validate_device(row, UnknownFields::Reject, errors);
        device.ok_or_else(|| report.into_field_errors())
    }

    /// Returns the row from which [`from_row`](Self::from_row) creates the same device, without its
    /// reference.
    #[must_use]
    pub fn to_row(&self) -> RawRow<'_> {
        let mut row = self.fields.to_row();
        self.assignment.write(&mut row);
        row
    }

    /// Returns the user with the email address of the row, or else the `user_id` of the row. If
    /// both were sent, they identify the same user: a row where they differ is rejected.
    #[must_use]
    pub fn assignee(&self, users_by_email: &HashMap<String, UserId>) -> Option<UserId> {
        let email = self.assignment.user_email.as_ref();
        let user = email.and_then(|email| users_by_email.get(email.folded()));
        user.copied().or(self.fields.ownership.user_id)
    }

    pub(crate) fn external_refs(&self) -> ExternalRefs<'_> {
        ExternalRefs {
            unique: PerUniqueField::from_fn(|field| field.folded(&self.fields)),
            user: self.fields.ownership.user_id,
            user_email: self.assignment.user_email.as_ref(),
        }
    }
}

/// Validates a row by every rule that needs nothing but the row.
pub(crate) fn validate_device(
    row: &RawRow<'_>,
    unknown_fields: UnknownFields,
    errors: &mut RowErrors<'_>,
) -> Option<NewDevice> {
    validate(row, &DEVICE, unknown_fields, errors, |reject| {
        let identity = Identity::read(row, reject);
        let inventory = Inventory::read(row, reject);
        let ownership = Ownership::read(row, reject);
        let characteristics = Characteristics::read(row, reject);
        let assignment = Assignment::read(row, reject);
        let date_order_error = match &ownership {
            Some(ownership) => rental::date_order_error(
                ownership.client_rental_start_date,
                ownership.client_rental_end_date,
            ),
            None => rental::row_date_order_error(row),
        };
        if let Some(error) = date_order_error {
            reject(error);
        }
        let row_ref = read_row_ref(row).map_err(&mut *reject);
        Some(NewDevice {
            fields: DeviceFields {
                identity: identity?,
                inventory: inventory?,
                ownership: ownership?,
                characteristics: characteristics?,
            },
            assignment: assignment?,
            row_ref: row_ref.ok()?,
        })
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::device::fields;
    use crate::field::{RawValue, TextList, ValueKind};
    use crate::validation::error::Reason;

    fn row() -> RawRow<'static> {
        let mut row = RawRow::for_device();
        row.set("name", RawValue::text("XPS 13"));
        row.set("type", RawValue::text("laptop"));
        row.set("category", RawValue::text("computers"));
        row
    }

    fn reasons(row: &RawRow<'_>) -> Vec<(String, Reason)> {
        let errors = NewDevice::from_row(row).unwrap_err();
        errors
            .into_iter()
            .map(|error| (error.field.unwrap().into_owned(), error.reason))
            .collect()
    }

    fn reason(field: &str, reason: Reason) -> (String, Reason) {
        (field.to_owned(), reason)
    }

    #[test]
    fn three_required_fields_are_enough() {
        let device = NewDevice::from_row(&row()).unwrap();
        assert_eq!(device.fields.identity.type_.as_str(), "laptop");
        assert!(!device.fields.ownership.is_rented);
        assert_eq!(
            device.fields.characteristics.compliance,
            TextList::default()
        );
    }

    #[test]
    fn empty_row_lacks_the_required_fields() {
        let required: Vec<_> = fields().iter().filter(|f| f.is_required()).collect();
        assert_eq!(required.len(), 3);
        let missing: Vec<_> = required
            .iter()
            .map(|field| reason(field.name(), Reason::Required))
            .collect();
        assert_eq!(reasons(&RawRow::for_device()), missing);
    }

    #[test]
    fn null_and_blank_text_mean_absent() {
        for empty in [RawValue::Null, RawValue::text(""), RawValue::text("  ")] {
            let mut sent = row();
            for field in fields().iter().filter(|field| !field.is_required()) {
                sent.set(field.name(), empty.clone());
            }
            assert_eq!(NewDevice::from_row(&sent), NewDevice::from_row(&row()));
        }
    }

    #[test]
    fn every_field_rejects_an_object() {
        let mut sent = RawRow::for_device();
        for field in fields() {
            let member = ("key".into(), RawValue::Integer(1));
            sent.set(field.name(), RawValue::Object(vec![member]));
        }
        let expected: Vec<_> = fields()
            .iter()
            .map(|field| reason(field.name(), Reason::WrongType))
            .collect();
        assert_eq!(reasons(&sent), expected);
    }

    #[test]
    fn rental_may_end_on_the_day_it_starts() {
        let mut sent = row();
        sent.set("client_rental_startDate", RawValue::text("2024-05-31"));
        sent.set(
            "client_rental_endDate",
            RawValue::text("2024-05-31T00:00:00Z"),
        );
        assert!(NewDevice::from_row(&sent).is_ok());
    }

    #[test]
    fn rental_that_ends_before_it_starts_is_rejected() {
        let mut sent = row();
        sent.set("client_rental_startDate", RawValue::text("2024-05-31"));
        sent.set("client_rental_endDate", RawValue::text("2024-05-30"));
        sent.set("client_rental_price", RawValue::text("much"));
        assert_eq!(
            reasons(&sent),
            [
                reason("client_rental_price", Reason::Malformed),
                reason("client_rental_endDate", Reason::EndsBeforeStart),
            ]
        );
    }

    #[test]
    fn repeated_field_with_equal_value_is_rejected() {
        let mut sent = row();
        sent.set("name", RawValue::text("XPS 13"));
        assert_eq!(reasons(&sent), [reason("name", Reason::RepeatedField)]);
    }

    #[test]
    fn field_given_as_null_and_as_value_is_rejected() {
        let mut sent = row();
        sent.set("brand", RawValue::Null);
        sent.set("brand", RawValue::text("Dell"));
        assert_eq!(reasons(&sent), [reason("brand", Reason::RepeatedField)]);
    }

    #[rstest]
    #[case(RawValue::Integer(0), Reason::OutOfRange)]
    #[case(RawValue::Integer(-1), Reason::OutOfRange)]
    #[case(RawValue::HugeInteger, Reason::OutOfRange)]
    #[case(RawValue::Other(ValueKind::Number), Reason::WrongType)]
    #[case(RawValue::text("12"), Reason::WrongType)]
    #[case(RawValue::Boolean(true), Reason::WrongType)]
    fn user_id_must_be_a_positive_integer(
        #[case] value: RawValue<'static>,
        #[case] expected: Reason,
    ) {
        let mut sent = row();
        sent.set("user_id", value);
        assert_eq!(reasons(&sent), [reason("user_id", expected)]);
    }

    #[test]
    fn long_unknown_name_is_not_repeated() {
        let mut sent = row();
        sent.set("n".repeat(100_000), RawValue::Null);
        let errors = NewDevice::from_row(&sent).unwrap_err();
        assert_eq!(errors[0].field, None);
        assert_eq!(
            errors[0].to_string(),
            "unknown field with a name of 100000 bytes"
        );
    }

    #[test]
    fn row_of_another_table_is_rejected() {
        for other in [RawRow::for_user(), RawRow::for_enrollment()] {
            let errors = NewDevice::from_row(&other).unwrap_err();
            assert_eq!(errors[0].reason, Reason::WrongType);
        }
        let errors = NewDevice::from_row(&RawRow::for_user()).unwrap_err();
        assert_eq!(
            errors[0].to_string(),
            "must be a row of a device, not of a user"
        );
        assert!(crate::UserFields::from_row(&row(), UnknownFields::Ignore).is_err());
        let mut batch = crate::Batch::new(crate::BatchRules::default());
        batch.push(&RawRow::for_user());
        assert!(batch.into_devices().is_err());
    }
}
