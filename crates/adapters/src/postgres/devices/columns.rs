//! The columns of a device: the one list of them in the adapter.

use chrono::NaiveDate;
use devices_domain::{
    AddedVia, Amount, Characteristics, Comment, Date, Identity, KeyboardLayout, Label, NewDevice,
    Ownership, SerialNumber, ShortText, TextList, UserId, WorkspaceId,
};
use diesel::Insertable;
use rust_decimal::Decimal;

use crate::schema::devices;

/// Declares the row of a device from its groups of fields. Every field of a group must be listed:
/// one that is forgotten does not compile. One flat struct, since COPY takes no embedded ones.
macro_rules! columns {
    ($($group:ident: $Group:ident { $($field:ident: $Column:ty,)+ })+) => {
        /// A row of `devices` to be written.
        #[derive(Insertable)]
        #[diesel(table_name = devices, treat_none_as_default_value = false)]
        pub(super) struct DeviceRow<'a> {
            workspace_id: i64,
            id: i64,
            pub(super) serial_number_folded: Option<&'a str>,
            $($($field: $Column,)+)+
        }

        impl<'a> DeviceRow<'a> {
            pub(super) fn new(workspace: WorkspaceId, id: i64, device: &'a NewDevice) -> Self {
                let NewDevice { $($group: $Group { $($field,)+ },)+ } = device;
                Self {
                    workspace_id: workspace.0,
                    id,
                    serial_number_folded: device.identity.serial_number.as_ref().map(SerialNumber::folded),
                    $($($field: $field.to_column(),)+)+
                }
            }
        }
    };
}

columns! {
    identity: Identity {
        name: &'a str,
        type_: &'a str,
        category: &'a str,
        brand: Option<&'a str>,
        serial_number: Option<&'a str>,
        comment: Option<&'a str>,
    }

    ownership: Ownership {
        user_id: Option<i64>,
        added_via: Option<&'a str>,
        is_rented: bool,
        client_purchase_price: Option<Decimal>,
        client_rental_price: Option<Decimal>,
        client_purchase_date: Option<NaiveDate>,
        client_warranty_end_date: Option<NaiveDate>,
        client_rental_start_date: Option<NaiveDate>,
        client_rental_end_date: Option<NaiveDate>,
        client_contract_number: Option<&'a str>,
        client_invoice_number: Option<&'a str>,
    }

    characteristics: Characteristics {
        screen_size: Option<&'a str>,
        graphic: Option<&'a str>,
        processor: Option<&'a str>,
        ram: Option<&'a str>,
        storage: Option<&'a str>,
        model_year: Option<&'a str>,
        connectivity: Option<&'a str>,
        keyboard_layout: Option<&'a str>,
        resolution: Option<&'a str>,
        has_microphone: Option<bool>,
        has_webcam: Option<bool>,
        noise_cancellation: Option<bool>,
        compliance: Vec<Option<&'a str>>,
        connection_type: Vec<Option<&'a str>>,
        has_stool: Option<bool>,
        has_video_package: Option<bool>,
        has_screen: Option<bool>,
        has_premium_tablet: Option<bool>,
        color: Option<&'a str>,
        seats_number: Option<&'a str>,
        assembly: Option<&'a str>,
        os_platform: Option<&'a str>,
    }
}

/// How a field's value is written.
trait ToColumn<'a> {
    type Column;

    fn to_column(&'a self) -> Self::Column;
}

impl<'a, T: ToColumn<'a>> ToColumn<'a> for Option<T> {
    type Column = Option<T::Column>;

    fn to_column(&'a self) -> Self::Column {
        self.as_ref().map(T::to_column)
    }
}

macro_rules! column {
    ($($Field:ty => $Column:ty: |$value:ident| $written:expr;)+) => {$(
        impl<'a> ToColumn<'a> for $Field {
            type Column = $Column;

            fn to_column(&'a self) -> Self::Column {
                let $value = self;
                $written
            }
        }
    )+};
}

column! {
    Label => &'a str: |label| label.as_str();
    ShortText => &'a str: |text| text.as_str();
    Comment => &'a str: |text| text.as_str();
    SerialNumber => &'a str: |serial| serial.as_str();
    AddedVia => &'a str: |choice| choice.as_str();
    KeyboardLayout => &'a str: |choice| choice.as_str();
    // Diesel's schema takes every item of an array to be nullable.
    TextList => Vec<Option<&'a str>>: |list| list.iter().map(Some).collect();
    Amount => Decimal: |amount| Decimal::from_i128_with_scale(amount.hundredths().into(), 2);
    Date => NaiveDate: |date| date.to_naive();
    UserId => i64: |user| user.0;
    bool => bool: |value| *value;
}
