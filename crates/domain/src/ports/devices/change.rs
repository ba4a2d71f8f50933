//! Changes of single devices, with optimistic concurrency.

use chrono::{DateTime, Utc};

use super::Conflicts;
use crate::audit::Origin;
use crate::device::{DevicePatch, StoredDevice};
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
    /// Returns the keys for looking up the conflicts of the change.
    #[must_use]
    pub fn lookup_keys(&self) -> LookupKeys {
        LookupKeys::from_change(self.device, self.patch.external_refs())
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
