//! Fields of a rotation.

use crate::field::{Duration, RawRow, UnknownFields, fields, validate_single};
use crate::validation::report::ErrorReport;

fields! {
    /// All fields of a rotation.
    static ROTATION: FieldTable of "a rotation";

    /// Options of the rotation of a key.
    struct RotationFields {
        /// Time for which the old key stays valid. Does not extend its lifetime.
        "overlap" => overlap: Option<Duration>,
    }
}

impl RawRow<'_> {
    /// Creates a row of a rotation in which every field is absent.
    #[must_use]
    pub fn for_rotation() -> Self {
        Self::for_table(&ROTATION)
    }
}

impl RotationFields {
    /// Validates a row. Rejects unknown fields: with a mistyped `overlap`, the old key would stay
    /// valid for longer than the client wants.
    ///
    /// # Errors
    /// Returns every error, in the order of the fields, repeated and unknown ones last.
    pub fn from_row(row: &RawRow<'_>) -> Result<Self, ErrorReport> {
        validate_single(row, &ROTATION, UnknownFields::Reject, |reject| {
            Self::read(row, reject)
        })
    }

    /// Returns the row from which [`from_row`](Self::from_row) creates the same fields.
    #[must_use]
    pub fn to_row(&self) -> RawRow<'_> {
        let mut row = RawRow::for_rotation();
        self.write(&mut row);
        row
    }

    /// Returns the overlap, 24 hours if none was given.
    #[must_use]
    pub fn overlap(&self) -> Duration {
        self.overlap.unwrap_or_else(|| Duration::hours(24))
    }
}
