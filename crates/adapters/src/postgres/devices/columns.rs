//! The columns of a device: the only handwritten list of them in this crate.

use std::borrow::Cow;

use chrono::NaiveDate;
use devices_domain::{
    Characteristics, DeviceFields, Identity, Inventory, Ownership, UniqueField, UserId,
    WorkspaceId, fold_case,
};
use diesel::dsl::SqlTypeOf;
use diesel::pg::{CopyFormat, Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_source::Column as DieselColumn;
use diesel::result::Error::SerializationError;
use diesel::sql_types::{Array, HasSqlType, Nullable};
use rust_decimal::Decimal;

use super::binary_copy::{BinaryRows, EncodeBinary, ValueSink};
use super::column_arrays::ColumnArray;
use crate::postgres::query::columns::Column;
use crate::postgres::query::jsonb::JsonbAttributes;
use crate::postgres::query::prepared::PreparedSql;
use crate::postgres::schema::tables::devices;

/// Declares the row struct of a device from the folded columns of its unique fields and the
/// domain's groups of fields. The groups are destructured without `..`, so a missing field does not
/// compile.
macro_rules! device_row {
    (
        unique { $($folded:ident: $Unique:ident,)+ }
        $($group:ident: $Group:ident { $($field:ident: $Column:ty,)+ })+
    ) => {
        /// A row of `devices` for reading and writing, without timestamps.
        #[derive(Queryable, Selectable)]
        #[diesel(table_name = devices)]
        pub(crate) struct DeviceRow<'a> {
            workspace_id: i64,
            pub(crate) id: i64,
            $(pub(crate) $folded: Option<Cow<'a, str>>,)+
            type_folded: Option<Cow<'a, str>>,
            category_folded: Option<Cow<'a, str>>,
            $($(pub(crate) $field: $Column,)+)+
        }

        impl<'a> DeviceRow<'a> {
            /// Creates the row of a device. `assignee` replaces the `user_id` of its fields.
            pub(crate) fn new(
                workspace: WorkspaceId,
                id: i64,
                device: &'a DeviceFields,
                assignee: Option<UserId>,
            ) -> Self {
                let DeviceFields { $($group: $Group { $($field,)+ },)+ } = device;
                let mut row = Self {
                    workspace_id: workspace.0,
                    id,
                    $($folded: UniqueField::$Unique.folded(device).map(Cow::from),)+
                    type_folded: folded_if_different(device.identity.type_.as_str()),
                    category_folded: folded_if_different(device.identity.category.as_str()),
                    $($($field: $field.to_column(),)+)+
                };
                row.user_id = assignee.map(|user| user.0);
                row
            }
        }

        impl<'a> DeviceRow<'a> {
            /// Names of the columns without the keys, in the order of
            /// [`bind_to`](Self::bind_to) and [`encode`](Self::encode).
            pub(crate) const COLUMNS: &'static [&'static str] = &[
                $(<devices::$folded as DieselColumn>::NAME,)+
                <devices::type_folded as DieselColumn>::NAME,
                <devices::category_folded as DieselColumn>::NAME,
                $($(<devices::$field as DieselColumn>::NAME,)+)+
            ];

            /// Returns the casts of the elements of [`bind_arrays`](Self::bind_arrays) to the
            /// types of the [columns](Self::COLUMNS).
            pub(crate) fn casts() -> Vec<&'static str> {
                let folded = [
                    $(stringify!($folded),)+ stringify!(type_folded), stringify!(category_folded),
                ];
                let mut casts = folded.map(|_| "").to_vec();
                casts.extend([$($(<$Column as EncodeBinary>::CAST,)+)+]);
                casts
            }

            /// Binds the arrays of the [columns](Self::COLUMNS), except those that are `None`.
            pub(crate) fn bind_arrays(
                arrays: impl IntoIterator<Item = Option<ColumnArray>>,
                mut query: PreparedSql<'_>,
            ) -> PreparedSql<'_> {
                let mut arrays = arrays.into_iter();
                let mut next = || arrays.next().flatten();
                $(query = bind_array::<SqlTypeOf<devices::$folded>>(query, next());)+
                query = bind_array::<SqlTypeOf<devices::type_folded>>(query, next());
                query = bind_array::<SqlTypeOf<devices::category_folded>>(query, next());
                $($(
                    query = bind_array::<Nullable<<$Column as EncodeBinary>::Element>>(
                        query,
                        next(),
                    );
                )+)+
                query
            }

            /// Binds the values of the [columns](Self::COLUMNS).
            pub(crate) fn bind_to<'q>(self, query: PreparedSql<'q>) -> PreparedSql<'q>
            where
                'a: 'q,
            {
                query
                    $(.bind::<SqlTypeOf<devices::$folded>, _>(self.$folded))+
                    .bind::<SqlTypeOf<devices::type_folded>, _>(self.type_folded)
                    .bind::<SqlTypeOf<devices::category_folded>, _>(self.category_folded)
                    $($(.bind::<SqlTypeOf<devices::$field>, _>(self.$field))+)+
            }
        }

        impl DeviceRow<'_> {
            /// Appends the row for [`copy`](Self::copy).
            pub(crate) fn encode_row(&self, rows: &mut BinaryRows) {
                rows.begin_row(Self::COLUMNS.len() + 2);
                rows.push(&self.workspace_id);
                rows.push(&self.id);
                self.encode(rows);
            }

            /// Appends the values of the [columns](Self::COLUMNS).
            pub(crate) fn encode(&self, values: &mut impl ValueSink) {
                $(values.push(&self.$folded);)+
                values.push(&self.type_folded);
                values.push(&self.category_folded);
                $($(values.push(&self.$field);)+)+
            }

            /// Inserts encoded rows. Returns their number.
            pub(crate) fn copy(
                connection: &mut PgConnection,
                rows: &BinaryRows,
            ) -> QueryResult<usize> {
                let columns = (
                    devices::workspace_id, devices::id, $(devices::$folded,)+
                    devices::type_folded, devices::category_folded,
                    $($(devices::$field,)+)+
                );
                diesel::copy_from(devices::table)
                    .from_raw_data(columns, |copy| {
                        rows.send(copy).map_err(|error| SerializationError(error.into()))
                    })
                    .with_format(CopyFormat::Binary)
                    .execute(connection)
            }

            /// Converts the row to the fields of the domain.
            pub(crate) fn into_fields(self) -> QueryResult<DeviceFields> {
                Ok(DeviceFields {
                    $($group: $Group { $($field: Column::from_column(self.$field)?,)+ },)+
                })
            }
        }
    };
}

/// Binds an array whose elements have this SQL type, if there is one.
fn bind_array<ST>(query: PreparedSql<'_>, array: Option<ColumnArray>) -> PreparedSql<'_>
where
    Pg: HasSqlType<Array<ST>> + HasSqlType<ST>,
    ST: Send + 'static,
{
    match array {
        Some(array) => query.bind::<Array<ST>, _>(array),
        None => query,
    }
}

/// Returns the folded form of a text. `None` if it equals the text, as for most types and
/// categories: a NULL takes no space.
pub(crate) fn folded_if_different(text: &str) -> Option<Cow<'_, str>> {
    Some(fold_case(text)).filter(|folded| folded != text)
}

device_row! {
    unique {
        serial_number_folded: SerialNumber,
        asset_tag_folded: AssetTag,
    }

    identity: Identity {
        name: Cow<'a, str>,
        type_: Cow<'a, str>,
        category: Cow<'a, str>,
        brand: Option<Cow<'a, str>>,
        serial_number: Option<Cow<'a, str>>,
        comment: Option<Cow<'a, str>>,
    }

    inventory: Inventory {
        asset_tag: Option<Cow<'a, str>>,
        model: Option<Cow<'a, str>>,
        tags: Option<Vec<Option<Cow<'a, str>>>>,
        attributes: Option<JsonbAttributes<'a>>,
    }

    ownership: Ownership {
        user_id: Option<i64>,
        added_via: Option<Cow<'a, str>>,
        is_rented: bool,
        client_purchase_price: Option<Decimal>,
        client_rental_price: Option<Decimal>,
        client_purchase_date: Option<NaiveDate>,
        client_warranty_end_date: Option<NaiveDate>,
        client_rental_start_date: Option<NaiveDate>,
        client_rental_end_date: Option<NaiveDate>,
        client_contract_number: Option<Cow<'a, str>>,
        client_invoice_number: Option<Cow<'a, str>>,
        lifecycle: Option<Cow<'a, str>>,
    }

    characteristics: Characteristics {
        screen_size: Option<Cow<'a, str>>,
        graphic: Option<Cow<'a, str>>,
        processor: Option<Cow<'a, str>>,
        ram: Option<Cow<'a, str>>,
        storage: Option<Cow<'a, str>>,
        model_year: Option<Cow<'a, str>>,
        connectivity: Option<Cow<'a, str>>,
        keyboard_layout: Option<Cow<'a, str>>,
        resolution: Option<Cow<'a, str>>,
        has_microphone: Option<bool>,
        has_webcam: Option<bool>,
        noise_cancellation: Option<bool>,
        compliance: Vec<Option<Cow<'a, str>>>,
        connection_type: Vec<Option<Cow<'a, str>>>,
        has_stool: Option<bool>,
        has_video_package: Option<bool>,
        has_screen: Option<bool>,
        has_premium_tablet: Option<bool>,
        color: Option<Cow<'a, str>>,
        seats_number: Option<Cow<'a, str>>,
        assembly: Option<Cow<'a, str>>,
        os_platform: Option<Cow<'a, str>>,
    }
}
