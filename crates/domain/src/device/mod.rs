//! A device: the table of its fields, the device once stored, and where it stands.

mod enums;
mod fields;
mod status;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::enrollment::Enrollment;
use crate::field::{Email, ShortText};
use crate::ids::{DeviceId, UserId};

pub use enums::{AddedVia, KeyboardLayout, Lifecycle};
pub use fields::{
    Assignment, Characteristics, DeviceFields, DevicePatch, Identity, NewDevice, Ownership, field,
    fields,
};
pub(crate) use fields::{RejectedRefs, RentalTerms, validate_device};
pub use status::{ClientStatus, StatusInputs};

/// A device with its number: what was just created, or a part of what is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// Its number.
    pub id: DeviceId,
    /// What was judged and stored; its assignee by number.
    pub fields: DeviceFields,
    /// Its newest enrolment in device management that is neither deleted nor a draft.
    pub enrollment: Option<Enrollment>,
}

impl Device {
    /// Where it stands.
    pub fn client_status(&self) -> ClientStatus {
        ClientStatus::of(StatusInputs::of(&self.fields))
    }
}

/// A stored device, with all that is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredDevice {
    /// Its number, its fields, and its enrolment.
    pub device: Device,
    /// The user that it is given to.
    pub assignee: Option<Assignee>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was last changed; of a change, later than of the one before.
    pub updated_at: DateTime<Utc>,
    /// Since when it is archived; `None`: it is living.
    pub archived_at: Option<DateTime<Utc>>,
}

impl StoredDevice {
    /// Where it stands.
    pub fn client_status(&self) -> ClientStatus {
        ClientStatus::of(StatusInputs {
            is_archived: self.archived_at.is_some(),
            ..StatusInputs::of(&self.device.fields)
        })
    }

    /// The new device that would be created like it: all that whoever creates one can say.
    pub fn to_new_device(&self) -> NewDevice {
        let mut fields = self.device.fields.clone();
        fields.ownership.user_id = None;
        let assignee = self.assignee.as_ref();
        NewDevice {
            fields,
            assignment: Assignment {
                user_email: assignee.map(|assignee| assignee.email.clone()),
            },
        }
    }
}

/// A user that a device is given to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Assignee {
    /// Its number.
    pub id: UserId,
    /// Its address.
    pub email: Email,
    /// First name.
    pub first_name: Option<ShortText>,
    /// Last name.
    pub last_name: Option<ShortText>,
}

/// Where a device comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Source {
    /// Owned or rented elsewhere.
    External,
}
