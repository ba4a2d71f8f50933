//! The table of a device's fields: the one list of them in the domain.

use super::enums::{AddedVia, KeyboardLayout, Lifecycle};
use crate::field::{
    Amount, Comment, Date, Email, Field, FieldChange, FieldType, FieldValue, RawRow, RequiredText,
    SerialNumber, ShortText, TextList, UnknownFields, fields, judge, read_change, validate_alone,
};
use crate::ids::UserId;
use crate::validation::error::{ErrorCode, ErrorReport, FieldError, Reason};
use crate::validation::external_refs::ExternalRefs;

fields! {
    /// Every field of a device, in the order of the groups.
    DEVICE of "a device";

    /// What the device is.
    Identity / IdentityChanges {
        /// What people call it.
        "name" => name: RequiredText,
        /// What kind of thing it is: laptop, phone, chair. No fixed list.
        "type" => type_: RequiredText [immutable],
        /// The broader kind. No fixed list.
        "category" => category: RequiredText [immutable],
        /// Who made it.
        "brand" => brand: Option<ShortText>,
        /// The device's own number.
        "serial_number" => serial_number: Option<SerialNumber>,
        /// A remark.
        "comment" => comment: Option<Comment>,
    }

    /// Who has it, how it was acquired, and on what terms.
    Ownership / OwnershipChanges {
        /// The assignee: the user it is given to.
        "user_id" => user_id: Option<UserId>,
        /// How it was added.
        "added_via" => added_via: Option<AddedVia> [immutable],
        /// Whether it is rented from a third party.
        "is_rented" => is_rented: bool,
        /// What it was bought for.
        "client_purchase_price" => client_purchase_price: Option<Amount>,
        /// What its rent is.
        "client_rental_price" => client_rental_price: Option<Amount>,
        /// When it was bought.
        "client_purchase_date" => client_purchase_date: Option<Date>,
        /// When its warranty ends.
        "client_warranty_endDate" => client_warranty_end_date: Option<Date>,
        /// When its rental starts.
        "client_rental_startDate" => client_rental_start_date: Option<Date>,
        /// When its rental ends; not before it starts.
        "client_rental_endDate" => client_rental_end_date: Option<Date>,
        /// The number of its contract.
        "client_contract_number" => client_contract_number: Option<ShortText>,
        /// The number of its invoice.
        "client_invoice_number" => client_invoice_number: Option<ShortText>,
        /// What only people know of where it stands.
        "lifecycle" => lifecycle: Option<Lifecycle>,
    }

    /// What it is like. Serialises to the object that the API shows as `characteristics`.
    #[allow(missing_docs, reason = "the names are the contract's and say what they hold")]
    Characteristics / CharacteristicsChanges {
        "screen_size" => screen_size: Option<ShortText>,
        "graphic" => graphic: Option<ShortText>,
        "processor" => processor: Option<ShortText>,
        "ram" => ram: Option<ShortText>,
        "storage" => storage: Option<ShortText>,
        "model_year" => model_year: Option<ShortText>,
        "connectivity" => connectivity: Option<ShortText>,
        "keyboard_layout" => keyboard_layout: Option<KeyboardLayout>,
        "resolution" => resolution: Option<ShortText>,
        "has_microphone" => has_microphone: Option<bool>,
        "has_webcam" => has_webcam: Option<bool>,
        "noise_cancellation" => noise_cancellation: Option<bool>,
        "compliance" => compliance: TextList,
        "connection_type" => connection_type: TextList,
        "has_stool" => has_stool: Option<bool>,
        "has_video_package" => has_video_package: Option<bool>,
        "has_screen" => has_screen: Option<bool>,
        "has_premium_tablet" => has_premium_tablet: Option<bool>,
        "color" => color: Option<ShortText>,
        "seats_number" => seats_number: Option<ShortText>,
        "assembly" => assembly: Option<ShortText>,
        "os_platform" => os_platform: Option<ShortText>,
    }

    /// Whom it is given to, where that is said by an e-mail address. Not kept: the address is resolved
    /// to the user's number.
    Assignment {
        /// The address of the assignee, in whatever case.
        "user_email" => user_email: Option<Email>,
    }
}

impl RawRow<'_> {
    /// A row of a device, in which every field is absent.
    pub fn for_device() -> Self {
        Self::of(&DEVICE)
    }
}

/// Every field of a device, in the order of the groups.
pub fn fields() -> &'static [Field] {
    DEVICE.fields
}

/// The field of this name, spelled as in [`Field::name`].
pub fn field(name: &str) -> Option<&'static Field> {
    DEVICE.slot(name).map(|slot| &DEVICE.fields[slot])
}

/// What is kept of a device as its owner says it.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceFields {
    /// What it is.
    pub identity: Identity,
    /// Who has it, how it was acquired, and on what terms.
    pub ownership: Ownership,
    /// What it is like.
    pub characteristics: Characteristics,
}

impl DeviceFields {
    fn write<'a>(&'a self, row: &mut RawRow<'a>) {
        self.identity.write(row);
        self.ownership.write(row);
        self.characteristics.write(row);
    }

    /// The row that a device with these fields, and no other, is created from.
    pub fn to_row(&self) -> RawRow<'_> {
        let mut row = RawRow::for_device();
        self.write(&mut row);
        row
    }

    /// The names of the fields in which `other` differs, in the order of the field table.
    pub fn changed_field_names(&self, other: &Self) -> Vec<&'static str> {
        self.to_row().changed_field_names(&other.to_row())
    }

    /// What a device as a whole breaks, whatever its fields are alone.
    fn rental_error(&self) -> Option<FieldError> {
        let terms = &self.ownership;
        let (start, end) = (terms.client_rental_start_date, terms.client_rental_end_date);
        (end? < start?).then(ends_before_it_starts)
    }
}

/// A device that has passed every rule that can be judged from its row alone.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDevice {
    /// What is kept of it.
    pub fields: DeviceFields,
    /// Whom it is given to, where that is said by an e-mail address.
    pub assignment: Assignment,
}

impl NewDevice {
    /// The device that `row` describes, or everything that is wrong with it; unknown fields are
    /// wrong, too.
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
    ///     "`client_warranty_end_date` is no field of a device; did you mean `client_warranty_endDate`?"
    /// );
    /// ```
    ///
    /// # Errors
    /// At least one, in the order of the field table, unknown and repeated fields last.
    pub fn from_row(row: &RawRow<'_>) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        validate_device(row, UnknownFields::Reject, &mut |error| {
            errors.push(error())
        })
        .ok_or(errors)
    }

    /// The row that [`from_row`](Self::from_row) makes the same device of.
    pub fn to_row(&self) -> RawRow<'_> {
        let mut row = self.fields.to_row();
        self.assignment.write(&mut row);
        row
    }

    pub(crate) fn external_refs(&self) -> ExternalRefs<'_> {
        ExternalRefs {
            serial_number: self.fields.identity.serial_number.as_ref(),
            user: self.fields.ownership.user_id,
            user_email: self.assignment.user_email.as_ref(),
        }
    }
}

/// What a refused row refers to outside itself.
#[derive(Debug, Default)]
pub(crate) struct RejectedRefs {
    serial_number: Option<SerialNumber>,
    user: Option<UserId>,
    user_email: Option<Email>,
}

impl RejectedRefs {
    pub(crate) fn from_row(row: &RawRow<'_>) -> Self {
        fn value<T: FieldValue>(row: &RawRow<'_>, slot: FieldIndex) -> Option<T> {
            Option::read(row.value(slot as usize), &mut |_, _| ()).flatten()
        }
        Self {
            serial_number: value(row, FieldIndex::serial_number),
            user: value(row, FieldIndex::user_id),
            user_email: value(row, FieldIndex::user_email),
        }
    }

    pub(crate) fn external_refs(&self) -> ExternalRefs<'_> {
        ExternalRefs {
            serial_number: self.serial_number.as_ref(),
            user: self.user,
            user_email: self.user_email.as_ref(),
        }
    }
}

/// What a refused patch says of the rental.
#[derive(Debug)]
pub(crate) struct RentalTerms {
    start: FieldChange<Option<Date>>,
    end: FieldChange<Option<Date>>,
}

impl RentalTerms {
    pub(crate) fn from_row(row: &RawRow<'_>) -> Self {
        let read = |slot: FieldIndex| {
            let read = read_change(row, slot as usize, &mut |_| ());
            read.unwrap_or(FieldChange::Keep)
        };
        Self {
            start: read(FieldIndex::client_rental_start_date),
            end: read(FieldIndex::client_rental_end_date),
        }
    }

    /// What a device with these fields would break, if it were changed so.
    pub(crate) fn error(&self, fields: &DeviceFields) -> Option<FieldError> {
        let mut changed = fields.clone();
        self.start
            .apply(&mut changed.ownership.client_rental_start_date);
        self.end
            .apply(&mut changed.ownership.client_rental_end_date);
        changed.rental_error()
    }
}

/// Judges a row by every rule that needs nothing but the row.
pub(crate) fn validate_device(
    row: &RawRow<'_>,
    unknown_fields: UnknownFields,
    add: &mut dyn FnMut(&mut dyn FnMut() -> FieldError),
) -> Option<NewDevice> {
    judge(row, &DEVICE, unknown_fields, add, |refuse| {
        let identity = Identity::read(row, refuse);
        let ownership = Ownership::read(row, refuse);
        let characteristics = Characteristics::read(row, refuse);
        let assignment = Assignment::read(row, refuse);
        if rental_ends_before_it_starts(row) {
            refuse(ends_before_it_starts());
        }
        Some(NewDevice {
            fields: DeviceFields {
                identity: identity?,
                ownership: ownership?,
                characteristics: characteristics?,
            },
            assignment: assignment?,
        })
    })
}

/// Whether a patch gives a device to a user, and to nobody.
fn names_somebody_and_nobody(
    user_id: &FieldChange<Option<UserId>>,
    user_email: &FieldChange<Option<Email>>,
) -> bool {
    match (user_id, user_email) {
        (FieldChange::Set(by_id), FieldChange::Set(by_email)) => {
            by_id.is_some() != by_email.is_some()
        }
        _ => false,
    }
}

/// ListQuery of the raw row, so that it is found beside any other error.
fn rental_ends_before_it_starts(row: &RawRow<'_>) -> bool {
    let date = |slot: FieldIndex| Date::parse(row.value(slot as usize)).ok();
    match (
        date(FieldIndex::client_rental_start_date),
        date(FieldIndex::client_rental_end_date),
    ) {
        (Some(start), Some(end)) => end < start,
        _ => false,
    }
}

fn ends_before_it_starts() -> FieldError {
    let name = |slot: FieldIndex| DEVICE.fields[slot as usize].name();
    FieldError::of(
        name(FieldIndex::client_rental_end_date),
        ErrorCode::InvalidField,
        Reason::EndsBeforeStart,
        format!(
            "must not be before `{}`",
            name(FieldIndex::client_rental_start_date)
        ),
    )
}

/// What is to become of a stored device: each of its fields stays, or becomes something else.
#[derive(Debug, Clone, PartialEq)]
pub struct DevicePatch {
    identity: IdentityChanges,
    ownership: OwnershipChanges,
    characteristics: CharacteristicsChanges,
    user_email: FieldChange<Option<Email>>,
}

impl DevicePatch {
    /// What `row` says: a field that is absent stays, one that is null or empty is cleared, any other
    /// becomes its value.
    ///
    /// # Errors
    /// At least one, in the order of the field table, unknown and repeated fields last: also for fields
    /// that cannot be changed, or cannot be cleared.
    pub fn from_row(row: &RawRow<'_>, unknown_fields: UnknownFields) -> Result<Self, ErrorReport> {
        validate_alone(row, &DEVICE, unknown_fields, |refuse| {
            let identity = IdentityChanges::read(row, refuse);
            let ownership = OwnershipChanges::read(row, refuse);
            let characteristics = CharacteristicsChanges::read(row, refuse);
            let user_email = read_change(row, FieldIndex::user_email as usize, refuse);
            if let (Some(ownership), Some(user_email)) = (&ownership, &user_email)
                && names_somebody_and_nobody(&ownership.user_id, user_email)
            {
                refuse(FieldError::of(
                    DEVICE.fields[FieldIndex::user_email as usize].name(),
                    ErrorCode::InvalidUser,
                    Reason::UserMismatch,
                    "must not name somebody where `user_id` names nobody, or the other way round",
                ));
            }
            Some(Self {
                identity: identity?,
                ownership: ownership?,
                characteristics: characteristics?,
                user_email: user_email?,
            })
        })
    }

    /// What the patch makes of a device. `by_email` is the user whom it names by an address, if it
    /// does.
    ///
    /// # Errors
    /// What the device would break as a whole.
    pub fn apply(
        &self,
        fields: &DeviceFields,
        by_email: Option<UserId>,
    ) -> Result<DeviceFields, FieldError> {
        let mut changed = fields.clone();
        self.identity.apply(&mut changed.identity);
        self.ownership.apply(&mut changed.ownership);
        self.characteristics.apply(&mut changed.characteristics);
        if let FieldChange::Set(named) = &self.user_email {
            let user_id = &mut changed.ownership.user_id;
            *user_id = named.as_ref().and(by_email);
        }
        match changed.rental_error() {
            None => Ok(changed),
            Some(error) => Err(error),
        }
    }

    pub(crate) fn external_refs(&self) -> ExternalRefs<'_> {
        fn changed<T>(change: &FieldChange<Option<T>>) -> Option<&T> {
            match change {
                FieldChange::Set(Some(value)) => Some(value),
                _ => None,
            }
        }
        ExternalRefs {
            serial_number: changed(&self.identity.serial_number),
            user: changed(&self.ownership.user_id).copied(),
            user_email: changed(&self.user_email),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::field::RawValue;

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
    fn three_fields_are_enough() {
        let device = NewDevice::from_row(&row()).unwrap();
        assert_eq!(device.fields.identity.type_.as_str(), "laptop");
        assert!(!device.fields.ownership.is_rented);
        assert_eq!(
            device.fields.characteristics.compliance,
            TextList::default()
        );
    }

    #[test]
    fn an_empty_row_lacks_the_three_required_fields() {
        let required: Vec<_> = fields().iter().filter(|f| f.is_required()).collect();
        assert_eq!(required.len(), 3);
        let lacking: Vec<_> = required
            .iter()
            .map(|field| reason(field.name(), Reason::Required))
            .collect();
        assert_eq!(reasons(&RawRow::for_device()), lacking);
    }

    #[test]
    fn every_field_can_be_found_by_its_name() {
        for entry in fields() {
            assert_eq!(field(entry.name()), Some(entry));
        }
        assert_eq!(field("type_"), None);
    }

    #[test]
    fn null_and_empty_text_mean_that_an_optional_field_is_absent() {
        for nothing in [RawValue::Null, RawValue::text(""), RawValue::text("  ")] {
            let mut sent = row();
            for field in fields().iter().filter(|field| !field.is_required()) {
                sent.set(field.name(), nothing.clone());
            }
            assert_eq!(NewDevice::from_row(&sent), NewDevice::from_row(&row()));
        }
    }

    #[test]
    fn every_field_refuses_an_object() {
        let mut sent = RawRow::for_device();
        for field in fields() {
            sent.set(
                field.name(),
                RawValue::Other(crate::field::ValueKind::Object),
            );
        }
        let wrong: Vec<_> = fields()
            .iter()
            .map(|field| reason(field.name(), Reason::WrongType))
            .collect();
        assert_eq!(reasons(&sent), wrong);
    }

    #[test]
    fn a_rental_must_not_end_before_it_starts_and_may_end_that_day() {
        let mut sent = row();
        sent.set("client_rental_startDate", RawValue::text("2024-05-31"));
        sent.set(
            "client_rental_endDate",
            RawValue::text("2024-05-31T00:00:00Z"),
        );
        assert!(NewDevice::from_row(&sent).is_ok());

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
    fn a_field_given_twice_is_an_error_even_with_the_same_value() {
        let mut sent = row();
        sent.set("name", RawValue::text("XPS 13"));
        assert_eq!(reasons(&sent), [reason("name", Reason::RepeatedField)]);
    }

    #[test]
    fn a_field_given_as_null_and_then_as_a_value_is_given_twice() {
        let mut sent = row();
        sent.set("brand", RawValue::Null);
        sent.set("brand", RawValue::text("Dell"));
        assert_eq!(reasons(&sent), [reason("brand", Reason::RepeatedField)]);
    }

    #[rstest]
    #[case(RawValue::Integer(0), Reason::OutOfRange)]
    #[case(RawValue::Integer(-1), Reason::OutOfRange)]
    #[case(RawValue::HugeInteger, Reason::OutOfRange)]
    #[case(RawValue::Other(crate::field::ValueKind::Number), Reason::WrongType)]
    #[case(RawValue::text("12"), Reason::WrongType)]
    #[case(RawValue::Boolean(true), Reason::WrongType)]
    fn a_user_is_named_by_an_integer_above_zero(
        #[case] value: RawValue<'static>,
        #[case] why: Reason,
    ) {
        let mut sent = row();
        sent.set("user_id", value);
        assert_eq!(reasons(&sent), [reason("user_id", why)]);
    }

    #[test]
    fn an_endless_name_is_not_repeated_in_full() {
        let mut sent = row();
        sent.set("n".repeat(100_000), RawValue::Null);
        let errors = NewDevice::from_row(&sent).unwrap_err();
        assert_eq!(errors[0].field, None);
        assert!(errors[0].detail.len() < 100);
    }

    #[test]
    fn a_row_of_another_kind_is_an_error() {
        for other in [RawRow::for_user(), RawRow::for_enrollment()] {
            let errors = NewDevice::from_row(&other).unwrap_err();
            assert_eq!(errors[0].reason, Reason::WrongType);
        }
        let errors = NewDevice::from_row(&RawRow::for_user()).unwrap_err();
        assert_eq!(
            errors[0].to_string(),
            "must be the row of a device, not of a user"
        );
        assert!(crate::UserFields::from_row(&row(), UnknownFields::Ignore).is_err());
        let mut batch = crate::Batch::new(crate::BatchRules::default());
        batch.push(&RawRow::for_user());
        assert!(batch.into_devices().is_err());
    }

    #[test]
    fn a_patch_names_somebody_or_nobody_and_not_both() {
        let patch = |user_id: RawValue<'static>, user_email: RawValue<'static>| {
            let mut row = RawRow::for_device();
            row.set("user_id", user_id);
            row.set("user_email", user_email);
            DevicePatch::from_row(&row, UnknownFields::Reject)
        };
        let (ada, one) = (RawValue::text("ada@example.com"), RawValue::Integer(1));
        assert!(patch(one.clone(), ada.clone()).is_ok());
        assert!(patch(RawValue::Null, RawValue::Null).is_ok());
        for refused in [patch(RawValue::Null, ada), patch(one, RawValue::Null)] {
            let report = refused.unwrap_err();
            assert_eq!(report.entries()[0].error.reason, Reason::UserMismatch);
        }
    }
}
