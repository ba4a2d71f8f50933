//! Groups of fields: declared once, each as a struct that can be read from a raw row, written to one,
//! and changed.

use std::collections::HashSet;

use super::unknown_fields::{UnknownFields, repeated_unknown_field, unknown_field};
use super::{Field, FieldType, InvalidValue, RawRow, RawValue, is_empty_value};
use crate::validation::error::{ErrorCode, ErrorReport, FieldError, Reason};

/// Every field of one kind of thing.
#[derive(Debug)]
pub(crate) struct FieldTable {
    /// The thing, with its article.
    pub(crate) noun: &'static str,
    pub(crate) fields: &'static [Field],
    /// Where the field of a name stands in [`fields`](Self::fields).
    pub(crate) find: fn(&str) -> Option<usize>,
}

impl FieldTable {
    pub(crate) fn slot(&self, name: &str) -> Option<usize> {
        (self.find)(name)
    }
}

/// Declares groups of fields, each as a plain struct that can be read from a raw row and written to
/// one, and the table of all of them. A group with a second name can be changed: the name is that of
/// a struct with what becomes of each field.
macro_rules! fields {
    (
        $(#[$table_doc:meta])*
        $TABLE:ident of $noun:literal;
        $(
            $(#[$group_doc:meta])*
            $Group:ident $(/ $Changes:ident)? {
                $( $(#[$doc:meta])* $name:literal => $field:ident: $Type:ty $([$kind:ident])?, )+
            }
        )+
    ) => {
        /// Where a field stands in the table, and its value in a raw row.
        #[allow(non_camel_case_types, reason = "each is a field's name")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum FieldIndex { $($($field,)+)+ }

        $(#[$table_doc])*
        pub(crate) static $TABLE: $crate::field::FieldTable = $crate::field::FieldTable {
            noun: $noun,
            fields: &[$($($crate::field::Field::of::<$Type>($name)$(.$kind())?,)+)+],
            find: |name| match name {
                $($($name => Some(FieldIndex::$field as usize),)+)+
                _ => None,
            },
        };

        $(
            $(#[$group_doc])*
            #[derive(Debug, Clone, PartialEq, serde::Serialize)]
            pub struct $Group {
                $( $(#[$doc])* #[serde(rename = $name)] pub $field: $Type, )+
            }

            impl $Group {
                /// Reads every field before it gives up on one, so that all refusals are heard.
                fn read(
                    row: &$crate::field::RawRow<'_>,
                    refuse: &mut dyn FnMut($crate::validation::error::FieldError),
                ) -> Option<Self> {
                    $(let $field = $crate::field::read(row, FieldIndex::$field as usize, refuse);)+
                    Some(Self { $($field: $field?,)+ })
                }

                /// Writes every field to where [`read`](Self::read) makes the same group of them.
                fn write<'a>(&'a self, row: &mut $crate::field::RawRow<'a>) {
                    $(row.put(FieldIndex::$field as usize, $crate::field::FieldType::to_raw(&self.$field));)+
                }
            }

            $crate::field::fields!(@changes $($Changes)? of $Group { $($field: $Type,)+ });
        )+
    };

    (@changes of $Group:ident { $($rest:tt)* }) => {};

    (@changes $Changes:ident of $Group:ident { $($field:ident: $Type:ty,)+ }) => {
        #[derive(Debug, Clone, PartialEq)]
        struct $Changes { $($field: $crate::field::FieldChange<$Type>,)+ }

        impl $Changes {
            /// Reads every field before it gives up on one, so that all refusals are heard.
            fn read(
                row: &$crate::field::RawRow<'_>,
                refuse: &mut dyn FnMut($crate::validation::error::FieldError),
            ) -> Option<Self> {
                $(let $field = $crate::field::read_change(row, FieldIndex::$field as usize, refuse);)+
                Some(Self { $($field: $field?,)+ })
            }

            fn apply(&self, group: &mut $Group) {
                $(self.$field.apply(&mut group.$field);)+
            }
        }
    };
}
pub(crate) use fields;

/// What becomes of a field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FieldChange<T> {
    /// It stays what it is.
    Keep,
    /// It becomes this.
    Set(T),
}

impl<T: Clone> FieldChange<T> {
    pub(crate) fn apply(&self, value: &mut T) {
        if let Self::Set(new) = self {
            *value = new.clone();
        }
    }
}

/// The value of a field, or `None` after at least one refusal.
pub(crate) fn read<T: FieldType>(
    row: &RawRow<'_>,
    slot: usize,
    refuse: &mut dyn FnMut(FieldError),
) -> Option<T> {
    let name = row.table().fields[slot].name();
    T::read(row.value(slot), &mut |item, refusal: InvalidValue| {
        refuse(refusal.at(name, item));
    })
}

/// What a row says becomes of a field, or `None` after at least one refusal.
pub(crate) fn read_change<T: FieldType>(
    row: &RawRow<'_>,
    slot: usize,
    refuse: &mut dyn FnMut(FieldError),
) -> Option<FieldChange<T>> {
    let table = row.table();
    let field = &table.fields[slot];
    let mut refuse_as = |reason, detail: String| {
        refuse(InvalidValue::new(reason, detail).at(field.name(), None));
        None
    };
    match row.value(slot) {
        RawValue::Absent => Some(FieldChange::Keep),
        _ if field.is_immutable() => refuse_as(
            Reason::ImmutableField,
            format!("cannot be changed once {} is created", table.noun),
        ),
        nothing if !T::NULLABLE && is_empty_value(nothing) => refuse_as(
            Reason::NotNullable,
            "must have a value: it cannot be cleared".to_owned(),
        ),
        _ => read(row, slot, refuse).map(FieldChange::Set),
    }
}

/// Judges a row of this table: what `read_fields` makes of it, and the names in it. Errors are handed over unmade:
/// who counts only does not pay for their words.
pub(crate) fn judge<T>(
    row: &RawRow<'_>,
    table: &'static FieldTable,
    unknown_fields: UnknownFields,
    add: &mut dyn FnMut(&mut dyn FnMut() -> FieldError),
    read_fields: impl FnOnce(&mut dyn FnMut(FieldError)) -> Option<T>,
) -> Option<T> {
    if !std::ptr::eq(row.table(), table) {
        let (found, wanted) = (row.table().noun, table.noun);
        add(&mut || {
            FieldError::whole(
                ErrorCode::InvalidBody,
                Reason::WrongType,
                format!("must be the row of {wanted}, not of {found}"),
            )
        });
        return None;
    }
    let mut refused = false;
    let mut refuse = |error: &mut dyn FnMut() -> FieldError| {
        refused = true;
        add(error);
    };
    let read = read_fields(&mut |error| refuse(&mut || error.clone()));
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
        if unknown_fields == UnknownFields::Reject {
            refuse(&mut || unknown_field(name, row.table()));
        } else if !ignored.insert(name) {
            refuse(&mut || repeated_unknown_field(name, row.table()));
        }
    }
    read.filter(|_| !refused)
}

/// Judges a row that is no batch's. However much is wrong with it, as much is told as of a batch.
pub(crate) fn validate_alone<T>(
    row: &RawRow<'_>,
    table: &'static FieldTable,
    unknown_fields: UnknownFields,
    read_fields: impl FnOnce(&mut dyn FnMut(FieldError)) -> Option<T>,
) -> Result<T, ErrorReport> {
    let mut report = ErrorReport::default();
    let add = &mut |error: &mut dyn FnMut() -> FieldError| report.add_unmade(error);
    let judged = judge(row, table, unknown_fields, add, read_fields);
    judged.ok_or(report.finish())
}
