//! Unique fields: no two active devices of a workspace have the same folded value of one.

use std::ops::{Index, IndexMut};

use super::fields::{DeviceFields, FieldIndex, name_of};
use super::patch::DevicePatch;
use crate::field::{FieldChange, RawRow, is_empty_value, read_if_valid};
use crate::validation::error::ErrorCode;

/// Declares the unique fields: variant, type, group and name of the field, and error code.
///
/// The type has a method `folded`. The table `devices` has the column `<field>_folded` and the
/// unique index `devices_<field>_key`, and the adapter's `device_row!` has a line for that column.
macro_rules! unique_fields {
    ($($Field:ident: $Type:ty => $group:ident.$field:ident, $Code:ident;)+) => {
        /// A unique field.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum UniqueField {
            $(#[doc = concat!("The field `", stringify!($field), "`.")] $Field,)+
        }

        impl UniqueField {
            /// Every unique field, in the order of the field table.
            pub const ALL: [Self; COUNT] = [$(Self::$Field),+];

            /// Returns the name of the field.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$Field => name_of(FieldIndex::$field)),+ }
            }

            /// Returns the code of the errors about the field.
            pub(crate) fn error_code(self) -> ErrorCode {
                match self { $(Self::$Field => ErrorCode::$Code),+ }
            }

            /// Returns the folded value of a device.
            #[must_use]
            pub fn folded(self, fields: &DeviceFields) -> Option<&str> {
                match self {
                    $(Self::$Field => fields.$group.$field.as_ref().map(<$Type>::folded)),+
                }
            }

            /// Returns the folded value that a patch sets.
            pub(super) fn folded_in_patch(self, patch: &DevicePatch) -> Option<&str> {
                match self {
                    $(Self::$Field => match &patch.$group.$field {
                        FieldChange::Set(value) => value.as_ref().map(<$Type>::folded),
                        FieldChange::Keep | FieldChange::Merge(_) => None,
                    }),+
                }
            }

            /// Returns the folded value of a raw row. An invalid value counts as absent.
            pub(super) fn folded_in_row(self, row: &RawRow<'_>) -> Option<String> {
                match self {
                    $(Self::$Field => {
                        let value = read_if_valid::<$Type>(row, FieldIndex::$field as usize);
                        value.map(|value| value.folded().to_owned())
                    }),+
                }
            }
        }

        impl UniqueField {
            /// Returns whether the row has no value of the field: it is absent, null or blank.
            pub(crate) fn is_empty_in_row(self, row: &RawRow<'_>) -> bool {
                is_empty_value(row.get(self.name()))
            }
        }

        const COUNT: usize = [$(stringify!($Field)),+].len();
    };
}

unique_fields! {
    SerialNumber: crate::field::SerialNumber => identity.serial_number, InvalidSerialNumber;
    AssetTag: crate::field::AssetTag => inventory.asset_tag, InvalidAssetTag;
}

/// A value for each unique field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PerUniqueField<T>([T; COUNT]);

impl<T> PerUniqueField<T> {
    /// Creates the values of all fields.
    pub fn from_fn(value: impl FnMut(UniqueField) -> T) -> Self {
        Self(UniqueField::ALL.map(value))
    }

    /// Iterates over the fields and their values.
    pub fn iter(&self) -> impl Iterator<Item = (UniqueField, &T)> {
        UniqueField::ALL.into_iter().zip(&self.0)
    }

    /// Iterates over the fields and their values.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (UniqueField, &mut T)> {
        UniqueField::ALL.into_iter().zip(&mut self.0)
    }
}

impl<T: Default> PerUniqueField<T> {
    /// Creates the values of all fields: `value` for one, and the default for the others.
    pub fn of(field: UniqueField, value: T) -> Self {
        let mut values = Self::default();
        values[field] = value;
        values
    }
}

impl<T> Index<UniqueField> for PerUniqueField<T> {
    type Output = T;

    fn index(&self, field: UniqueField) -> &T {
        &self.0[field as usize]
    }
}

impl<T> IndexMut<UniqueField> for PerUniqueField<T> {
    fn index_mut(&mut self, field: UniqueField) -> &mut T {
        &mut self.0[field as usize]
    }
}
