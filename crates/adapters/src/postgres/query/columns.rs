//! Conversions between the domain's fields and the columns of the tables.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, Utc};
use devices_domain::{
    AddedVia, Amount, AssetTag, Attributes, Comment, Date, Email, EnrollmentStatus, Instant,
    KeyboardLayout, Lifecycle, RequiredText, Role, SerialNumber, ShortText, TextList, UserId,
};
use diesel::QueryResult;
use diesel::result::Error as DieselError;
use rust_decimal::Decimal;

use super::jsonb::JsonbAttributes;

/// Declares the columns of a group of fields. The struct patterns are exhaustive: code that omits a
/// field does not compile.
macro_rules! columns {
    ($table:ident: $Columns:ident of $Fields:ident { $($field:ident: $Column:ty,)+ }) => {
        #[derive(Clone, Insertable, Queryable, Selectable, QueryableByName)]
        #[diesel(table_name = $table)]
        pub(crate) struct $Columns<'a> {
            $($field: $Column,)+
        }

        impl<'a> $Columns<'a> {
            /// Names of the columns, in the order of [`bind_to`](Self::bind_to).
            pub(crate) const NAMES: &'static [&'static str] =
                &[$(<$table::$field as diesel::query_source::Column>::NAME,)+];

            /// Binds the values of the columns.
            pub(crate) fn bind_to<'q>(
                self,
                query: crate::postgres::query::prepared::PreparedSql<'q>,
            ) -> crate::postgres::query::prepared::PreparedSql<'q>
            where
                'a: 'q,
            {
                query$(.bind::<diesel::dsl::SqlTypeOf<$table::$field>, _>(self.$field))+
            }

            pub(crate) fn from_fields(fields: &'a $Fields) -> Self {
                let $Fields { $($field,)+ } = fields;
                Self { $($field: $field.to_column(),)+ }
            }

            pub(crate) fn into_fields(self) -> QueryResult<$Fields> {
                Ok($Fields { $($field: Column::from_column(self.$field)?,)+ })
            }
        }
    };
}
pub(crate) use columns;

/// Returns assignments of columns for UPDATE, such as `name = $3, role = $4`. Their parameters are
/// numbered from `first_parameter`.
pub(crate) fn assignments<'a>(
    columns: impl IntoIterator<Item = &'a &'a str>,
    first_parameter: usize,
) -> String {
    let columns = columns.into_iter().zip(first_parameter..);
    let assignments = columns.map(|(column, parameter)| format!("{column} = ${parameter}"));
    assignments.collect::<Vec<_>>().join(", ")
}

/// Conversion of a field to a column of type `C`, and back. A field type can have several column
/// types: the row struct chooses one.
pub(crate) trait Column<'a, C>: Sized {
    fn to_column(&'a self) -> C;

    fn from_column(column: C) -> QueryResult<Self>;
}

impl<'a, T: Column<'a, C>, C> Column<'a, Option<C>> for Option<T> {
    fn to_column(&'a self) -> Option<C> {
        self.as_ref().map(T::to_column)
    }

    fn from_column(column: Option<C>) -> QueryResult<Self> {
        column.map(T::from_column).transpose()
    }
}

/// Implements [`Column`] for types of fields: type, type of the column, and both conversions.
macro_rules! impl_column {
    ($(
        $Field:ty => $Column:ty: |$value:ident| $to_column:expr, |$column:ident| $from_column:expr;
    )+) => {$(
        impl<'a> Column<'a, $Column> for $Field {
            fn to_column(&'a self) -> $Column {
                let $value = self;
                $to_column
            }

            fn from_column($column: $Column) -> QueryResult<Self> {
                $from_column
            }
        }
    )+};
}

impl_column! {
    RequiredText => Cow<'a, str>: |text| text.as_str().into(), |text| Ok(Self::from_trusted(text));
    ShortText => Cow<'a, str>: |text| text.as_str().into(), |text| Ok(Self::from_trusted(text));
    Comment => Cow<'a, str>: |text| text.as_str().into(), |text| Ok(Self::from_trusted(text));
    AssetTag => Cow<'a, str>: |tag| tag.as_str().into(), |text| Ok(Self::from_trusted(text));
    SerialNumber => Cow<'a, str>:
        |serial| serial.as_str().into(), |text| Ok(Self::from_trusted(text));
    AddedVia => Cow<'a, str>: |choice| choice.as_str().into(), |name| known(Self::from_name(&name));
    KeyboardLayout => Cow<'a, str>:
        |choice| choice.as_str().into(), |name| known(Self::from_name(&name));
    Lifecycle => Cow<'a, str>:
        |choice| choice.as_str().into(), |name| known(Self::from_name(&name));
    // Diesel's schema declares every array item as nullable.
    TextList => Vec<Option<Cow<'a, str>>>:
        |list| list.iter().map(|item| Some(item.into())).collect(),
        |items| Ok(Self::from_trusted(items.into_iter().flatten()));
    // A list that is usually empty is stored as NULL.
    TextList => Option<Vec<Option<Cow<'a, str>>>>:
        |list| (list.iter().len() > 0).then(|| list.to_column()),
        |items| items.map_or_else(|| Ok(Self::default()), Self::from_column);
    Attributes => Option<JsonbAttributes<'a>>:
        |attributes| (attributes.iter().len() > 0).then_some(JsonbAttributes(Cow::Borrowed(attributes))),
        |object| Ok(object.map_or_else(Self::default, |object| object.0.into_owned()));
    Amount => Decimal:
        |amount| Decimal::from_i128_with_scale(amount.hundredths().into(), 2),
        |amount| known(hundredths(amount).map(Self::from_trusted));
    Date => NaiveDate: |date| date.to_naive(), |date| Ok(Self::from_trusted(date));
    UserId => i64: |user| user.0, |id| Ok(Self(id));
    bool => bool: |value| *value, |value| Ok(value);
    Email => Cow<'a, str>:
        |email| email.as_str().into(), |text| Ok(Self::from_trusted(text.into()));
    Instant => DateTime<Utc>: |instant| instant.to_utc(), |instant| Ok(Self::from_trusted(instant));
    Role => Cow<'a, str>: |choice| choice.as_str().into(), |name| known(Self::from_name(&name));
    EnrollmentStatus => Cow<'a, str>:
        |choice| choice.as_str().into(), |name| known(Self::from_name(&name));
}

fn hundredths(mut amount: Decimal) -> Option<u64> {
    amount.rescale(2);
    amount.mantissa().try_into().ok()
}

/// Returns an error for a value that this version cannot read. Only a newer version, or another
/// program, can have stored one.
fn known<T>(value: Option<T>) -> QueryResult<T> {
    value.ok_or_else(|| {
        DieselError::DeserializationError("a column contains an unknown value".into())
    })
}
