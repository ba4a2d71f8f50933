//! Users: the people to whom devices are assigned.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::field::{
    Date, Email, Field, RawRow, ShortText, UnknownFields, fields, non_null_field_type,
    read_if_valid, string_enum, validate_single,
};
use crate::ids::{UserId, WorkspaceId};
use crate::validation::error::FieldError;
use crate::validation::period::period_error;
use crate::validation::report::ErrorReport;

string_enum! {
    /// Role of a user in its company. Grants no permissions: the scope of an API key grants them.
    #[derive(Default)]
    #[non_exhaustive]
    Role {
        #[default]
        Employee = "EMPLOYEE",
        Admin = "ADMIN",
    }
}

non_null_field_type!(defaulted Role);

fields! {
    /// All fields of a user.
    static USER: FieldTable of "a user";

    /// Stored fields of a user that the client sets.
    struct UserFields, patch UserFieldsPatch {
        /// Email address, unique among the active users of the workspace. Compared without regard
        /// to case.
        "email" => email: Email,
        /// First name.
        "first_name" => first_name: Option<ShortText>,
        /// Last name.
        "last_name" => last_name: Option<ShortText>,
        /// Phone number.
        "phone" => phone: Option<ShortText>,
        /// Country of the phone number.
        "phone_country" => phone_country: Option<ShortText>,
        /// Language.
        "language" => language: Option<ShortText>,
        /// Job title.
        "position" => position: Option<ShortText>,
        /// Role in the company.
        "role" => role: Role,
        /// First day in the company.
        "arrival_date" => arrival_date: Option<Date>,
        /// Last day in the company, not before `arrival_date`.
        "departure_date" => departure_date: Option<Date>,
    }
}

impl RawRow<'_> {
    /// Creates a row of a user in which every field is absent.
    #[must_use]
    pub fn for_user() -> Self {
        Self::for_table(&USER)
    }
}

/// Returns all fields of a user, in order.
#[must_use]
pub fn user_fields() -> &'static [Field] {
    USER.fields
}

impl UserFields {
    /// Creates the fields of a user with this address. All others are absent or have their default.
    #[must_use]
    pub fn new(email: Email) -> Self {
        Self {
            email,
            first_name: None,
            last_name: None,
            phone: None,
            phone_country: None,
            language: None,
            position: None,
            role: Role::default(),
            arrival_date: None,
            departure_date: None,
        }
    }

    /// Validates a row.
    ///
    /// # Errors
    /// Returns every error, in the order of the fields, repeated and unknown ones last.
    pub fn from_row(row: &RawRow<'_>, unknown_fields: UnknownFields) -> Result<Self, ErrorReport> {
        validate_single(row, &USER, unknown_fields, |reject| {
            let user = Self::read(row, reject);
            // Reads the raw row, so that the error is reported beside those of other fields.
            let arrival = read_if_valid(row, FieldIndex::arrival_date as usize);
            let departure = read_if_valid(row, FieldIndex::departure_date as usize);
            if let Some(error) = date_order_error(arrival, departure) {
                reject(error);
            }
            user
        })
    }

    /// Returns the row from which [`from_row`](Self::from_row) creates the same fields.
    #[must_use]
    pub fn to_row(&self) -> RawRow<'_> {
        let mut row = RawRow::for_user();
        self.write(&mut row);
        row
    }
}

/// Returns the error of a departure before the arrival.
fn date_order_error(arrival: Option<Date>, departure: Option<Date>) -> Option<FieldError> {
    let name = |index: FieldIndex| USER.fields[index as usize].name();
    period_error(
        (name(FieldIndex::arrival_date), arrival),
        (name(FieldIndex::departure_date), departure),
    )
}

/// A valid change of a user: new values for some of its fields.
#[derive(Debug, Clone, PartialEq)]
pub struct UserPatch(UserFieldsPatch);

impl UserPatch {
    /// Validates the row of a patch. An absent field keeps its value, null or blank text clears it,
    /// and any other value replaces it.
    ///
    /// # Errors
    /// Returns every error, in the order of the fields, repeated and unknown ones last. Fields that
    /// cannot be cleared are errors, too.
    pub fn from_row(row: &RawRow<'_>, unknown_fields: UnknownFields) -> Result<Self, ErrorReport> {
        validate_single(row, &USER, unknown_fields, |reject| {
            UserFieldsPatch::read(row, reject).map(Self)
        })
    }

    /// Applies the patch to the fields of a user.
    ///
    /// # Errors
    /// Returns the rule that the changed fields break together.
    pub fn apply(&self, user: &UserFields) -> Result<UserFields, FieldError> {
        let mut changed = user.clone();
        self.0.apply(&mut changed);
        match date_order_error(changed.arrival_date, changed.departure_date) {
            None => Ok(changed),
            Some(error) => Err(error),
        }
    }
}

/// A person to whom devices are assigned. The `user_id` of a device refers to one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct User {
    /// Id.
    pub id: UserId,
    /// Workspace of the user.
    pub workspace_id: WorkspaceId,
    /// Stored fields.
    #[serde(flatten)]
    pub fields: UserFields,
    /// Time of creation.
    pub created_at: DateTime<Utc>,
}
