//! The table of a device's fields: the one list of them in the domain.

use std::collections::HashSet;

use serde::Serialize;

use super::amount::Amount;
use super::choice::{AddedVia, KeyboardLayout};
use super::date::Date;
use super::serial_number::SerialNumber;
use super::text::{Comment, Label, ShortText, TextList};
use super::unknown::{UnknownFields, repeated_unknown_field, unknown_field};
use super::value::{Field, FieldType, Refusal, Value};
use super::{ClientStatus, Source};
use crate::access::UserId;
use crate::error::{ErrorCode, FieldError, Reason};
use crate::raw_row::{RawRow, RawValue};
use crate::references::Claim;

/// Declares groups of fields, each as a plain struct that can also be read from a raw row, and the
/// table of all of them.
macro_rules! device_fields {
    ($(
        $(#[$group_doc:meta])*
        $Group:ident { $( $(#[$doc:meta])* $name:literal => $field:ident: $Type:ty, )+ }
    )+) => {
        /// Where a field stands in the table, and its value in a raw row.
        #[allow(non_camel_case_types, reason = "each is a field's name")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Slot { $($($field,)+)+ }

        const FIELDS: &[Field] = &[$($(Field::of::<$Type>($name),)+)+];

        impl Slot {
            pub(crate) const COUNT: usize = FIELDS.len();

            pub(crate) fn of(name: &str) -> Option<Self> {
                match name {
                    $($($name => Some(Self::$field),)+)+
                    _ => None,
                }
            }
        }

        $(
            $(#[$group_doc])*
            #[derive(Debug, Clone, PartialEq, Serialize)]
            pub struct $Group {
                $( $(#[$doc])* #[serde(rename = $name)] pub $field: $Type, )+
            }

            impl $Group {
                /// Reads every field before it gives up on one, so that all refusals are heard.
                fn read(row: &RawRow<'_>, refuse: &mut dyn FnMut(FieldError)) -> Option<Self> {
                    $(let $field = read(row, Slot::$field, refuse);)+
                    Some(Self { $($field: $field?,)+ })
                }
            }
        )+
    };
}

device_fields! {
    /// What the device is.
    Identity {
        /// What people call it.
        "name" => name: Label,
        /// What kind of thing it is: laptop, phone, chair. No fixed list.
        "type" => type_: Label,
        /// The broader kind. No fixed list.
        "category" => category: Label,
        /// Who made it.
        "brand" => brand: Option<ShortText>,
        /// The device's own number.
        "serial_number" => serial_number: Option<SerialNumber>,
        /// A remark.
        "comment" => comment: Option<Comment>,
    }

    /// Who has it, how it was acquired, and on what terms.
    Ownership {
        /// The assignee: the user it is given to.
        "user_id" => user_id: Option<UserId>,
        /// How it was added.
        "added_via" => added_via: Option<AddedVia>,
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
    }

    /// What it is like. Serialises to the object that the API shows as `characteristics`.
    #[allow(missing_docs, reason = "the names are the contract's and say what they hold")]
    Characteristics {
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
}

/// Every field of a device, in the order of the groups.
pub fn fields() -> &'static [Field] {
    FIELDS
}

/// The field of this name, spelled as in [`Field::name`].
pub fn field(name: &str) -> Option<&'static Field> {
    Slot::of(name).map(|slot| &FIELDS[slot as usize])
}

/// A device that has passed every rule that can be judged from its row alone.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDevice {
    /// What it is.
    pub identity: Identity,
    /// Who has it, how it was acquired, and on what terms.
    pub ownership: Ownership,
    /// What it is like.
    pub characteristics: Characteristics,
}

impl NewDevice {
    /// Where the device stands: [`ClientStatus::InService`] with an assignee, else
    /// [`ClientStatus::Available`].
    pub fn client_status(&self) -> ClientStatus {
        match self.ownership.user_id {
            Some(_) => ClientStatus::InService,
            None => ClientStatus::Available,
        }
    }

    /// Where the device comes from: always [`Source::External`], since only external ones are
    /// created here.
    pub fn source(&self) -> Source {
        Source::External
    }

    /// The device that `row` describes, or everything that is wrong with it; unknown fields are
    /// wrong, too.
    ///
    /// ```
    /// use devices_domain::{NewDevice, RawRow, RawValue, Reason};
    ///
    /// let mut row = RawRow::new();
    /// row.set("name", RawValue::text("  Reception screen "));
    /// row.set("type", RawValue::text("screen"));
    /// row.set("category", RawValue::text("displays"));
    /// let device = NewDevice::from_row(&row).unwrap();
    /// assert_eq!(device.identity.name.as_str(), "Reception screen");
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
        judge(row, UnknownFields::Refuse, &mut |error| {
            errors.push(error())
        })
        .ok_or(errors)
    }

    pub(crate) fn claim(&self) -> Claim<'_> {
        Claim {
            serial_number: self.identity.serial_number.as_ref(),
            user: self.ownership.user_id,
        }
    }
}

/// What a refused row refers to outside itself.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    pub(crate) serial_number: Option<SerialNumber>,
    pub(crate) user: Option<UserId>,
}

impl Claims {
    pub(crate) fn of_refused(row: &RawRow<'_>) -> Self {
        Self {
            serial_number: SerialNumber::parse(row.value(Slot::serial_number)).ok(),
            user: UserId::parse(row.value(Slot::user_id)).ok(),
        }
    }

    pub(crate) fn claim(&self) -> Claim<'_> {
        Claim {
            serial_number: self.serial_number.as_ref(),
            user: self.user,
        }
    }
}

/// Judges a row by every rule that needs nothing but the row. Errors are handed over unmade: who
/// counts only does not pay for their words.
pub(crate) fn judge(
    row: &RawRow<'_>,
    unknown_fields: UnknownFields,
    add: &mut dyn FnMut(&mut dyn FnMut() -> FieldError),
) -> Option<NewDevice> {
    let mut refused = false;
    let mut refuse = |error: &mut dyn FnMut() -> FieldError| {
        refused = true;
        add(error);
    };

    let mut refuse_made = |error: FieldError| refuse(&mut || error.clone());
    let identity = Identity::read(row, &mut refuse_made);
    let ownership = Ownership::read(row, &mut refuse_made);
    let characteristics = Characteristics::read(row, &mut refuse_made);
    if rental_ends_before_it_starts(row) {
        refuse(&mut || {
            FieldError::of(
                name(Slot::client_rental_end_date),
                ErrorCode::InvalidField,
                Reason::EndsBeforeStart,
                format!(
                    "must not be before `{}`",
                    name(Slot::client_rental_start_date)
                ),
            )
        });
    }
    for name in row.repeated() {
        refuse(&mut || {
            FieldError::of(
                name.clone().into_owned(),
                ErrorCode::InvalidField,
                Reason::RepeatedField,
                "is given twice",
            )
        });
    }
    let mut ignored = HashSet::new();
    for name in row.unknown() {
        if unknown_fields == UnknownFields::Refuse {
            refuse(&mut || unknown_field(name, FIELDS));
        } else if !ignored.insert(name) {
            refuse(&mut || repeated_unknown_field(name));
        }
    }

    let device = NewDevice {
        identity: identity?,
        ownership: ownership?,
        characteristics: characteristics?,
    };
    (!refused).then_some(device)
}

fn name(slot: Slot) -> &'static str {
    FIELDS[slot as usize].name()
}

fn read<T: FieldType>(
    row: &RawRow<'_>,
    slot: Slot,
    refuse: &mut dyn FnMut(FieldError),
) -> Option<T> {
    T::read(row.value(slot), &mut |item, refusal: Refusal| {
        refuse(refusal.at(name(slot), item));
    })
}

/// Asked of the raw row, so that it is found beside any other error.
fn rental_ends_before_it_starts(row: &RawRow<'_>) -> bool {
    let date = |slot| match row.value(slot) {
        RawValue::Absent => None,
        raw => Date::parse(raw).ok(),
    };
    match (
        date(Slot::client_rental_start_date),
        date(Slot::client_rental_end_date),
    ) {
        (Some(start), Some(end)) => end < start,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn row() -> RawRow<'static> {
        let mut row = RawRow::new();
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
        assert_eq!(device.identity.type_.as_str(), "laptop");
        assert!(!device.ownership.is_rented);
        assert_eq!(device.characteristics.compliance, TextList::default());
    }

    #[test]
    fn an_empty_row_lacks_the_three_required_fields() {
        let required: Vec<_> = fields().iter().filter(|f| f.required()).collect();
        assert_eq!(required.len(), 3);
        let lacking: Vec<_> = required
            .iter()
            .map(|field| reason(field.name(), Reason::Required))
            .collect();
        assert_eq!(reasons(&RawRow::new()), lacking);
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
            for field in fields().iter().filter(|field| !field.required()) {
                sent.set(field.name(), nothing.clone());
            }
            assert_eq!(NewDevice::from_row(&sent), NewDevice::from_row(&row()));
        }
    }

    #[test]
    fn every_field_refuses_an_object() {
        let mut sent = RawRow::new();
        for field in fields() {
            sent.set(field.name(), RawValue::Other(crate::Kind::Object));
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
    #[case(RawValue::Other(crate::Kind::Number), Reason::WrongType)]
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
}
