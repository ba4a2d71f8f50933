//! Changes of single devices, with optimistic concurrency.

use chrono::{DateTime, Utc};

use super::Conflicts;
use crate::audit::Origin;
use crate::device::{DeviceFields, DevicePatch, StoredDevice};
use crate::ids::DeviceId;
use crate::ports::RepositoryError;
use crate::validation::error::FieldError;
use crate::validation::lookup_keys::LookupKeys;

/// A patch of one device.
#[derive(Debug, Clone)]
pub struct DeviceChange {
    /// The device.
    pub device: DeviceId,
    /// The new values.
    pub patch: DevicePatch,
    /// Condition on the stored device.
    pub precondition: Precondition,
    /// The author of the audit event.
    pub origin: Origin,
}

impl DeviceChange {
    /// Returns the keys for looking up the conflicts of the change. Leaves out the values that the
    /// device already has: they are no conflicts.
    #[must_use]
    pub fn lookup_keys(&self, stored: &DeviceFields) -> LookupKeys {
        let refs = self.patch.external_refs().changed_from(stored);
        LookupKeys::from_change(self.device, refs)
    }
}

/// Revision of a stored device. Increases with each change of the device itself. Changes of the
/// assigned user's fields and of the enrolment do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revision(pub i64);

impl Revision {
    /// Returns the revision of a device that was last changed at this instant.
    #[must_use]
    pub fn at(updated_at: DateTime<Utc>) -> Self {
        Self(updated_at.timestamp_micros())
    }
}

impl StoredDevice {
    /// Returns the revision of the device.
    #[must_use]
    pub fn revision(&self) -> Revision {
        Revision::at(self.updated_at)
    }
}

/// Condition under which a change is made (optimistic concurrency).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// No condition: the device is changed whatever its revision.
    Any,
    /// The device has one of these revisions.
    AnyOf(Vec<Revision>),
}

impl Precondition {
    /// Returns `true` if a device with this revision may be changed.
    #[must_use]
    pub fn is_met_by(&self, revision: Revision) -> bool {
        match self {
            Self::Any => true,
            Self::AnyOf(revisions) => revisions.contains(&revision),
        }
    }
}

/// Error of a change of a device. Nothing was changed, except possibly with
/// [`RepositoryError::InDoubt`].
#[derive(Debug, thiserror::Error)]
pub enum ChangeDeviceError {
    /// The device does not exist or, if it was to be archived, is archived already.
    #[error("the device does not exist")]
    NotFound,
    /// The device is archived.
    #[error("the device is archived")]
    Archived,
    /// The device has another revision than the [`Precondition`] requires.
    #[error("the device has changed")]
    PreconditionFailed,
    /// The changed device would be invalid or conflict with stored data.
    #[error("the change is invalid")]
    Rejected(Box<ChangeConflicts>),
    /// The repository failed.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

/// Errors of a change that only the stored data shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChangeConflicts {
    /// Rules that the changed device would break as a whole, and changes of immutable fields.
    pub errors: Vec<FieldError>,
    /// Conflicts with stored data.
    pub conflicts: Conflicts,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{NewDevice, UniqueField};
    use crate::field::{RawRow, RawValue, UnknownFields};
    use crate::ids::{KeyId, UserId};

    /// Returns the keys of a patch of a device with the serial number `S1` and the user 1.
    fn lookup_keys(patch: &[(&'static str, RawValue<'static>)]) -> LookupKeys {
        let row = |values: &[(&'static str, RawValue<'static>)]| {
            let mut row = RawRow::for_device();
            for (name, value) in values {
                row.set(*name, value.clone());
            }
            row
        };
        let mut stored = vec![
            ("serial_number", RawValue::text("S1")),
            ("user_id", RawValue::Integer(1)),
        ];
        stored.extend(["name", "type", "category"].map(|name| (name, RawValue::text("x"))));
        let change = DeviceChange {
            device: DeviceId(7),
            patch: DevicePatch::from_row(&row(patch), UnknownFields::Reject).unwrap(),
            precondition: Precondition::Any,
            origin: Origin {
                key: KeyId(1),
                request_id: "r1".to_owned(),
                client_request_id: None,
                interface: crate::Interface::Api,
            },
        };
        change.lookup_keys(&NewDevice::from_row(&row(&stored)).unwrap().fields)
    }

    #[test]
    fn values_of_the_device_are_not_looked_up() {
        let unchanged = [
            ("serial_number", RawValue::text("s1")),
            ("user_id", RawValue::Integer(1)),
            ("brand", RawValue::text("Dell")),
        ];
        assert!(lookup_keys(&unchanged).is_empty());
        assert!(lookup_keys(&[("user_id", RawValue::Null)]).is_empty());
        let keys = lookup_keys(&[("serial_number", RawValue::text("s2"))]);
        assert_eq!(keys.unique[UniqueField::SerialNumber], ["S2"]);
        let keys = lookup_keys(&[("user_id", RawValue::Integer(2))]);
        assert_eq!(keys.users, [UserId(2)]);
    }

    #[test]
    fn email_address_is_looked_up_with_its_user() {
        let email = ("user_email", RawValue::text("ada@example.com"));
        let keys = lookup_keys(&[("user_id", RawValue::Integer(1)), email]);
        let expected = ("ada@example.com".to_owned(), Some(UserId(1)));
        assert_eq!(keys.emails, [expected]);
    }
}
