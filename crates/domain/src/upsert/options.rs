//! Options of a batch.

use crate::device::UniqueField;
use crate::field::string_enum;

string_enum! {
    /// Treatment of a row that matches a stored device. By default, the row is rejected.
    #[derive(Default)]
    OnConflict {
        #[default]
        Error = "error",
        /// The device stays unchanged.
        Skip = "skip",
        /// The row changes the device.
        Update = "update",
    }
}

string_enum! {
    /// Meaning of null and blank text in a row that changes a device. By default, the field keeps
    /// its value.
    #[derive(Default)]
    Nulls {
        #[default]
        Keep = "keep",
        /// The field is cleared.
        Clear = "clear",
    }
}

string_enum! {
    /// Treatment of a user that the workspace does not have. By default, the row is rejected.
    #[derive(Default)]
    UnknownUsers {
        #[default]
        Error = "error",
        /// A user with the email address is created. An unknown id is an error.
        Create = "create",
        /// The row is stored as if it had no such user.
        LeaveOut = "leave_out",
    }
}

/// Options of a batch. The default creates every device or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchOptions {
    /// Treatment of a row that matches a stored device.
    pub on_conflict: OnConflict,
    /// `true` if one failed row rejects the batch. `false` if the other rows are stored.
    pub is_atomic: bool,
    /// Meaning of null and blank text in a row that changes a device.
    pub nulls: Nulls,
    /// Field that matches a row to an active device.
    pub match_field: UniqueField,
    /// Treatment of a user that the workspace does not have. Only imports of files set it.
    pub unknown_users: UnknownUsers,
}

impl Default for BatchOptions {
    fn default() -> Self {
        Self {
            on_conflict: OnConflict::Error,
            is_atomic: true,
            nulls: Nulls::Keep,
            match_field: UniqueField::SerialNumber,
            unknown_users: UnknownUsers::Error,
        }
    }
}

impl BatchOptions {
    /// Names of all options, as the API spells them.
    pub const NAMES: [&'static str; 5] =
        ["on_conflict", "match", "atomic", "nulls", "unknown_users"];

    /// Returns `true` if every option has its default.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Returns `true` if rows are matched to stored devices.
    #[must_use]
    pub fn matches_rows(&self) -> bool {
        self.on_conflict != OnConflict::Error
    }
}
