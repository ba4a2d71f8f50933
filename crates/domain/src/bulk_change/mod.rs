//! One change of many selected devices.

mod action;
mod plan;
#[cfg(test)]
mod tests;

pub use action::{BulkAction, Tag};
pub use plan::{BulkPlan, PlannedChange, SelectedDevice};

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use crate::audit::Origin;
use crate::ids::DeviceId;
use crate::validation::batch::count_error;
use crate::validation::error::FieldError;

/// One change of many devices: each of them gets it, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkChange {
    devices: Vec<DeviceId>,
    action: BulkAction,
    origin: Origin,
    unchanged_since: Option<DateTime<Utc>>,
}

impl BulkChange {
    /// Maximum number of devices.
    pub const MAX_DEVICES: usize = 1_000;

    /// Creates a change of these devices. An id that occurs several times counts once, at its first
    /// position.
    ///
    /// # Errors
    /// If there is no device, or more than [`MAX_DEVICES`](Self::MAX_DEVICES).
    pub fn new(
        devices: impl IntoIterator<Item = DeviceId>,
        action: BulkAction,
        origin: Origin,
    ) -> Result<Self, FieldError> {
        let mut seen = HashSet::new();
        let devices = devices.into_iter().filter(|device| seen.insert(*device));
        let devices: Vec<DeviceId> = devices.collect();
        match count_error(devices.len(), Self::MAX_DEVICES, false) {
            Some(error) => Err(error),
            None => Ok(Self {
                devices,
                action,
                origin,
                unchanged_since: None,
            }),
        }
    }

    /// Rejects the devices that were changed after this time, unless they have the requested state:
    /// the caller decided on the change before. [`BulkPreview::last_changed_at`] is such a time.
    #[must_use]
    pub fn if_unchanged_since(mut self, time: DateTime<Utc>) -> Self {
        self.unchanged_since = Some(time);
        self
    }

    /// Returns the devices, each once: at least one, at most [`MAX_DEVICES`](Self::MAX_DEVICES).
    #[must_use]
    pub fn devices(&self) -> &[DeviceId] {
        &self.devices
    }

    /// Returns the change that each device gets.
    #[must_use]
    pub fn action(&self) -> &BulkAction {
        &self.action
    }

    /// Returns the author of the audit events.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

/// Effect that a change of many devices would have. Each device is in one of the lists, in the
/// order of the change.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BulkPreview {
    /// Devices that would be changed.
    pub changed: Vec<DeviceId>,
    /// Devices that have the requested state already.
    pub unchanged: Vec<DeviceId>,
    /// Devices that prevent the change of all devices.
    pub rejected: Vec<RejectedDevice>,
    /// Time of the last change of the devices in `changed`.
    pub last_changed_at: Option<DateTime<Utc>>,
}

/// Result of a change of many devices. Each device is in one of the lists, in the order of the
/// change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BulkResult {
    /// Devices that were changed. [`BulkAction::inverse`] of these undoes the change.
    pub changed: Vec<DeviceId>,
    /// Devices that had the requested state already.
    pub unchanged: Vec<DeviceId>,
}

/// A device that cannot be changed.
#[derive(Debug, Clone, PartialEq)]
pub struct RejectedDevice {
    /// Id.
    pub device: DeviceId,
    /// Reason.
    pub reason: RejectionReason,
}

/// Reason why a device cannot be changed.
#[derive(Debug, Clone, PartialEq)]
pub enum RejectionReason {
    /// The device does not exist in the workspace.
    NotFound,
    /// The device is archived. It can only be restored.
    Archived,
    /// The device was changed after the time of [`BulkChange::if_unchanged_since`].
    ChangedSince,
    /// The changed device would be invalid or conflict with stored data. Contains at least one
    /// error.
    Invalid(Vec<FieldError>),
}
