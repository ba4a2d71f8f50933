//! A user: the person that devices are given to.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::field::{
    Date, Email, Field, FieldValue, RawRow, ShortText, UnknownFields, string_enum, fields,
    never_null_field_types, read_or_default, validate_alone,
};
use crate::ids::{UserId, WorkspaceId};
use crate::validation::error::{ErrorCode, ErrorReport, FieldError, Reason};

string_enum! {
    /// What a user is in its company. Says nothing of what it may do here: keys do.
    #[derive(Default)]
    Role {
        #[default]
        Employee = "EMPLOYEE",
        Admin = "ADMIN",
    }
}

never_null_field_types! {
    Role: false, read_or_default;
}

fields! {
    /// Every field of a user.
    USER of "a user";

    /// What is kept of a user.
    UserFields / UserChanges {
        /// Its address, unique among the living users of a workspace without regard to case.
        "email" => email: Email,
        /// First name.
        "first_name" => first_name: Option<ShortText>,
        /// Last name.
        "last_name" => last_name: Option<ShortText>,
        /// Its phone number.
        "phone" => phone: Option<ShortText>,
        /// The country of its phone number.
        "phone_country" => phone_country: Option<ShortText>,
        /// The language that it speaks.
        "language" => language: Option<ShortText>,
        /// What it works as.
        "position" => position: Option<ShortText>,
        /// What it is in its company.
        "role" => role: Role,
        /// When it comes.
        "arrival_date" => arrival_date: Option<Date>,
        /// When it leaves; not before it comes.
        "departure_date" => departure_date: Option<Date>,
    }
}

impl RawRow<'_> {
    /// A row of a user, in which every field is absent.
    pub fn for_user() -> Self {
        Self::of(&USER)
    }
}

/// Every field of a user, in order.
pub fn user_fields() -> &'static [Field] {
    USER.fields
}

impl UserFields {
    /// A user of whom nothing is known but the address.
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

    /// What `row` says.
    ///
    /// # Errors
    /// At least one, in the order of the fields, unknown and repeated ones last.
    pub fn from_row(row: &RawRow<'_>, unknown_fields: UnknownFields) -> Result<Self, ErrorReport> {
        validate_alone(row, &USER, unknown_fields, |refuse| {
            let user = Self::read(row, refuse);
            // ListQuery of the raw row, so that it is found beside any other error.
            let date = |slot: FieldIndex| Date::parse(row.value(slot as usize)).ok();
            if date(FieldIndex::departure_date)
                .zip(date(FieldIndex::arrival_date))
                .is_some_and(|(departure, arrival)| departure < arrival)
            {
                refuse(departs_before_arrival());
            }
            user
        })
    }

    /// The names of the fields in which `other` differs, in order.
    pub fn changed_field_names(&self, other: &Self) -> Vec<&'static str> {
        self.to_row().changed_field_names(&other.to_row())
    }

    /// The row that [`from_row`](Self::from_row) makes the same of.
    pub fn to_row(&self) -> RawRow<'_> {
        let mut row = RawRow::for_user();
        self.write(&mut row);
        row
    }

    fn departure_error(&self) -> Option<FieldError> {
        (self.departure_date? < self.arrival_date?).then(departs_before_arrival)
    }
}

fn departs_before_arrival() -> FieldError {
    let name = |slot: FieldIndex| USER.fields[slot as usize].name();
    FieldError::of(
        name(FieldIndex::departure_date),
        ErrorCode::InvalidField,
        Reason::EndsBeforeStart,
        format!("must not be before `{}`", name(FieldIndex::arrival_date)),
    )
}

/// What is to become of a stored user: each of its fields stays, or becomes something else.
#[derive(Debug, Clone, PartialEq)]
pub struct UserPatch(UserChanges);

impl UserPatch {
    /// What `row` says: a field that is absent stays, one that is null or empty is cleared, any other
    /// becomes its value.
    ///
    /// # Errors
    /// At least one, in the order of the fields, unknown and repeated ones last.
    pub fn from_row(row: &RawRow<'_>, unknown_fields: UnknownFields) -> Result<Self, ErrorReport> {
        validate_alone(row, &USER, unknown_fields, |refuse| {
            UserChanges::read(row, refuse).map(Self)
        })
    }

    /// What the patch makes of a user.
    ///
    /// # Errors
    /// What the user would break as a whole.
    pub fn apply(&self, user: &UserFields) -> Result<UserFields, FieldError> {
        let mut changed = user.clone();
        self.0.apply(&mut changed);
        match changed.departure_error() {
            None => Ok(changed),
            Some(error) => Err(error),
        }
    }
}

/// A person whom devices are given to: an assignee. `user_id` of a device names one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct User {
    /// Its number.
    pub id: UserId,
    /// The workspace it belongs to.
    pub workspace_id: WorkspaceId,
    /// What is kept of it.
    #[serde(flatten)]
    pub fields: UserFields,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}
