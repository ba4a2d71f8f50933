//! Devices: their fields, new devices and patches, stored devices, and their status.

mod consistency;
mod enums;
mod fields;
mod immutable;
mod new_device;
mod patch;
mod rejected_refs;
mod rental;
mod status;
mod unique_fields;
mod validated_patch;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::enrollment::Enrollment;
use crate::field::{Email, ShortText};
use crate::ids::{DeviceId, UserId};

pub use enums::{AddedVia, KeyboardLayout, Lifecycle};
pub use fields::{
    Assignment, Characteristics, DeviceFields, Identity, Inventory, Ownership, field, fields,
};
pub use new_device::NewDevice;
pub(crate) use new_device::validate_device;
pub use patch::DevicePatch;
pub(crate) use rejected_refs::RejectedRefs;
pub use status::{ClientStatus, StatusInputs};
pub use unique_fields::{PerUniqueField, UniqueField};
pub use validated_patch::ValidatedPatch;
pub(crate) use validated_patch::{RejectedPatch, Validation};

/// A device with an id.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// Id.
    pub id: DeviceId,
    /// Stored fields. The assignee is in `ownership.user_id`.
    pub fields: DeviceFields,
    /// Newest enrolment of its serial number that is neither deleted nor a draft. `None` for an
    /// archived device.
    pub enrollment: Option<Enrollment>,
}

/// A stored device with its assignee and timestamps.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredDevice {
    /// Id, fields and enrolment.
    pub device: Device,
    /// User to whom the device is assigned.
    pub assignee: Option<Assignee>,
    /// Time of creation.
    pub created_at: DateTime<Utc>,
    /// Time of the last change. Strictly increases with every change.
    pub updated_at: DateTime<Utc>,
    /// Time of archiving, `None` for an active device.
    pub archived_at: Option<DateTime<Utc>>,
}

impl StoredDevice {
    /// Returns the status of the device.
    #[must_use]
    pub fn client_status(&self) -> ClientStatus {
        ClientStatus::of(StatusInputs {
            is_archived: self.archived_at.is_some(),
            ..StatusInputs::of(&self.device.fields)
        })
    }

    /// Returns the new device that creates a copy of this one, with the assignee by email address.
    #[must_use]
    pub fn to_new_device(&self) -> NewDevice {
        let mut fields = self.device.fields.clone();
        fields.ownership.user_id = None;
        let assignee = self.assignee.as_ref();
        NewDevice {
            fields,
            assignment: Assignment {
                user_email: assignee.map(|assignee| assignee.email.clone()),
            },
            row_ref: None,
        }
    }
}

/// User to whom a device is assigned.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Assignee {
    /// Id.
    pub id: UserId,
    /// Email address.
    pub email: Email,
    /// First name.
    pub first_name: Option<ShortText>,
    /// Last name.
    pub last_name: Option<ShortText>,
}

/// Origin of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum Source {
    /// Owned by the client, or rented from a third party.
    External,
}
