//! The status of a device: computed here and nowhere else.

use super::enums::Lifecycle;
use super::fields::DeviceFields;
use crate::field::string_enum;

string_enum! {
    /// Status of a device, as its owner sees it.
    ClientStatus {
        Archived = "ARCHIVED",
        PendingValidation = "PENDING_VALIDATION",
        InPreparation = "IN_PREPARATION",
        Delivered = "DELIVERED",
        Shipped = "SHIPPED",
        Available = "AVAILABLE",
        InService = "IN_SERVICE",
        InMaintenance = "IN_MAINTENANCE",
        OutOfService = "OUT_OF_SERVICE",
    }
}

/// Inputs of the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusInputs {
    /// `true` if the device is archived.
    pub is_archived: bool,
    /// Part of the status that people set by hand.
    pub lifecycle: Option<Lifecycle>,
    /// `true` if the device has an assignee.
    pub is_assigned: bool,
}

impl StatusInputs {
    /// Returns the inputs of an active device with these fields.
    #[must_use]
    pub fn of(fields: &DeviceFields) -> Self {
        Self {
            is_archived: false,
            lifecycle: fields.ownership.lifecycle,
            is_assigned: fields.ownership.user_id.is_some(),
        }
    }
}

impl ClientStatus {
    /// Computes the status. An archived device is [`Archived`](Self::Archived). Any other device
    /// with a [`Lifecycle`] has the status of that name. Without one, it is
    /// [`InService`](Self::InService) with an assignee, and otherwise
    /// [`Available`](Self::Available).
    ///
    /// An external device never has another status: this service does not validate, prepare or ship
    /// devices.
    #[must_use]
    pub fn of(inputs: StatusInputs) -> Self {
        if inputs.is_archived {
            return Self::Archived;
        }
        match inputs.lifecycle {
            Some(Lifecycle::InMaintenance) => Self::InMaintenance,
            Some(Lifecycle::OutOfService) => Self::OutOfService,
            None if inputs.is_assigned => Self::InService,
            None => Self::Available,
        }
    }
}
