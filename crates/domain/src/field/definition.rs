//! Definition of a field: its name, description and format, and whether it is required, nullable or
//! immutable.

use super::FieldType;

/// An entry of a field table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    name: &'static str,
    description: &'static str,
    required: bool,
    nullable: bool,
    immutable: bool,
    format: Format,
}

impl Field {
    /// Defines a mutable field whose type is `T`, described by its doc comment.
    pub(crate) const fn new<T: FieldType>(name: &'static str, doc: &'static str) -> Self {
        Self {
            name,
            description: doc.trim_ascii(),
            required: T::REQUIRED,
            nullable: T::NULLABLE,
            immutable: false,
            format: T::FORMAT,
        }
    }

    /// Makes the field immutable. The macro [`fields!`](super::fields) calls it for `[immutable]`.
    pub(crate) const fn immutable(mut self) -> Self {
        self.immutable = true;
        self
    }

    /// Returns the name as the API spells it, such as `client_warranty_endDate`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the doc comment of the field, in Markdown. Its lines can begin with a space.
    #[must_use]
    pub const fn description(&self) -> &'static str {
        self.description
    }

    /// Returns whether a row without this field is rejected.
    #[must_use]
    pub const fn is_required(&self) -> bool {
        self.required
    }

    /// Returns whether an update may clear the field.
    #[must_use]
    pub const fn is_nullable(&self) -> bool {
        self.nullable
    }

    /// Returns whether the field keeps the value that it was created with.
    #[must_use]
    pub const fn is_immutable(&self) -> bool {
        self.immutable
    }

    /// Returns the format of the field's values.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }
}

/// Format of a field's values. Lengths are in characters (Unicode scalar values), after trimming.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A text in one line.
    Text {
        /// Maximum length.
        max_length: usize,
    },
    /// A text of several lines: see [`Comment`](crate::Comment).
    Lines {
        /// Maximum length.
        max_length: usize,
    },
    /// A text, or a list of texts.
    TextList {
        /// Maximum number of items.
        max_items: usize,
        /// Maximum length of an item.
        max_length: usize,
    },
    /// Texts under keys: see [`Attributes`](crate::Attributes).
    Attributes {
        /// Maximum number of keys.
        max_keys: usize,
        /// Maximum length of a key.
        max_key_length: usize,
        /// Maximum length of a value.
        max_length: usize,
    },
    /// A serial number: see [`SerialNumber`](crate::SerialNumber).
    SerialNumber,
    /// An asset tag: see [`AssetTag`](crate::AssetTag).
    AssetTag,
    /// An email address: see [`Email`](crate::Email).
    Email,
    /// An amount of money: see [`Amount`](crate::Amount).
    Amount,
    /// A date: see [`Date`](crate::Date).
    Date,
    /// A point in time: see [`Instant`](crate::Instant).
    Instant,
    /// One of these names.
    OneOf(&'static [&'static str]),
    /// True or false.
    Boolean,
    /// The id of a stored object, greater than 0.
    Id,
}
