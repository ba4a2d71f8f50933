//! Fields of a new key.

use crate::access::Scope;
use crate::field::{
    Lifetime, RawRow, RequiredText, UnknownFields, fields, non_null_field_type, validate_single,
};
use crate::validation::report::ErrorReport;

non_null_field_type!(required Scope);

fields! {
    /// All fields of a new key.
    static NEW_KEY: FieldTable of "an API key";

    /// Fields of a key that the client chooses.
    struct NewKeyFields {
        /// Label that identifies the key for people.
        "name" => name: RequiredText,
        /// Access that the key gives.
        "scope" => scope: Scope,
        /// Time until the key expires.
        "expires_in" => expires_in: Option<Lifetime>,
    }
}

impl RawRow<'_> {
    /// Creates a row of a new key in which every field is absent.
    #[must_use]
    pub fn for_new_key() -> Self {
        Self::for_table(&NEW_KEY)
    }
}

impl NewKeyFields {
    /// Validates a row. Rejects unknown fields: a mistyped `expires_in` would result in a key that
    /// never expires.
    ///
    /// # Errors
    /// Returns every error, in the order of the fields, repeated and unknown ones last.
    pub fn from_row(row: &RawRow<'_>) -> Result<Self, ErrorReport> {
        validate_single(row, &NEW_KEY, UnknownFields::Reject, |reject| {
            Self::read(row, reject)
        })
    }

    /// Returns the row from which [`from_row`](Self::from_row) creates the same fields.
    #[must_use]
    pub fn to_row(&self) -> RawRow<'_> {
        let mut row = RawRow::for_new_key();
        self.write(&mut row);
        row
    }
}
