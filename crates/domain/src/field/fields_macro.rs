//! The `fields!` macro.

/// Declares a field table and its groups of fields.
///
/// ```text
/// fields! {
///     /// All fields of a widget.
///     static WIDGET: FieldTable of "a widget";
///
///     /// Identity of a widget.
///     struct Identity, patch IdentityPatch {
///         /// Display name.
///         "name" => name: RequiredText,
///         /// Kind of widget.
///         "type" => type_: RequiredText [immutable],
///     }
/// }
/// ```
///
/// A field is its doc comment, its name in the API, the name of its Rust field, its type (a
/// [`FieldType`](super::FieldType)), and `[immutable]` if updates reject it. The doc comment is
/// also the description of the field in `openapi.yaml`. The macro generates:
/// - `WIDGET`, the [`FieldTable`](super::FieldTable);
/// - `FieldIndex`, an enum with the index of every field in the table and in a raw row;
/// - `Identity`, a struct with the fields of the group, read from and written to a raw row;
/// - `Identity::FIELDS`, the definitions of these fields;
/// - `IdentityPatch`, a struct with a [`FieldChange`](super::FieldChange) for each field, if the
///   group declares a `patch`.
macro_rules! fields {
    (
        $(#[$table_attribute:meta])*
        static $TABLE:ident: FieldTable of $noun:literal;
        $(
            $(#[$group_attribute:meta])*
            struct $Group:ident $(, patch $Patch:ident)? {
                $(
                    $(#[doc = $doc:literal])+
                    $name:literal => $field:ident: $Type:ty $([$modifier:ident])?,
                )+
            }
        )+
    ) => {
        /// Index of a field in the table, and of its value in a raw row.
        #[expect(non_camel_case_types, reason = "variants are spelled like their fields")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum FieldIndex { $($($field,)+)+ }

        $(#[$table_attribute])*
        pub(crate) static $TABLE: $crate::field::FieldTable = $crate::field::FieldTable {
            noun: $noun,
            fields: &[$($(
                $crate::field::Field::new::<$Type>($name, concat!($($doc, "\n"),+))
                    $(.$modifier())?,
            )+)+],
            find_index: |name| match name {
                $($($name => Some(FieldIndex::$field as usize),)+)+
                _ => None,
            },
        };

        $(
            $(#[$group_attribute])*
            #[derive(Debug, Clone, PartialEq, serde::Serialize)]
            pub struct $Group {
                $( $(#[doc = $doc])+ #[serde(rename = $name)] pub $field: $Type, )+
            }

            impl $Group {
                /// Definitions of the fields of the group, in order.
                pub const FIELDS: &'static [$crate::field::Field] = &[$(
                    $crate::field::Field::new::<$Type>($name, concat!($($doc, "\n"),+))
                        $(.$modifier())?,
                )+];

                /// Reads the group from a row. Reads every field before it returns `None`, so that
                /// all errors are reported.
                pub(crate) fn read(
                    row: &$crate::field::RawRow<'_>,
                    reject: &mut dyn FnMut($crate::validation::error::FieldError),
                ) -> Option<Self> {
                    $(let $field = $crate::field::read(row, FieldIndex::$field as usize, reject);)+
                    Some(Self { $($field: $field?,)+ })
                }

                /// Returns the names of the fields that differ from `other`, in order. Another
                /// spelling of an identifier differs, although it is equal.
                #[must_use]
                pub fn changed_field_names(&self, other: &Self) -> Vec<&'static str> {
                    use $crate::field::FieldType;
                    let fields = [$((
                        $name,
                        FieldType::to_raw(&self.$field) != FieldType::to_raw(&other.$field),
                    ),)+];
                    let changed = fields.into_iter().filter(|(_, is_changed)| *is_changed);
                    changed.map(|(name, _)| name).collect()
                }

                /// Writes the group to a row from which [`read`](Self::read) reads the same group.
                pub(crate) fn write<'a>(&'a self, row: &mut $crate::field::RawRow<'a>) {
                    $(row.set_value(
                        FieldIndex::$field as usize,
                        $crate::field::FieldType::to_raw(&self.$field),
                    );)+
                }
            }

            $crate::field::fields!(@patch $($Patch)? of $Group { $($field: $Type,)+ });
        )+
    };

    (@patch of $Group:ident { $($rest:tt)* }) => {};

    (@patch $Patch:ident of $Group:ident { $($field:ident: $Type:ty,)+ }) => {
        #[derive(Debug, Clone, PartialEq)]
        pub(crate) struct $Patch { $(pub(crate) $field: $crate::field::FieldChange<$Type>,)+ }

        impl $Patch {
            /// Reads the changes from a row. Reads every field before it returns `None`, so that
            /// all errors are reported.
            pub(crate) fn read(
                row: &$crate::field::RawRow<'_>,
                reject: &mut dyn FnMut($crate::validation::error::FieldError),
            ) -> Option<Self> {
                $(
                    let index = FieldIndex::$field as usize;
                    let $field = $crate::field::read_change(row, index, reject);
                )+
                Some(Self { $($field: $field?,)+ })
            }

            pub(crate) fn apply(&self, group: &mut $Group) {
                $(self.$field.apply(&mut group.$field);)+
            }
        }
    };
}
pub(crate) use fields;
