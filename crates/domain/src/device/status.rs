//! Where a device stands: computed here and nowhere else.

use super::enums::Lifecycle;
use super::fields::DeviceFields;
use crate::field::string_enum;

string_enum! {
    /// Where a device stands, as its owner sees it.
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

/// What decides where a device stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusInputs {
    /// Whether it was deleted.
    pub is_archived: bool,
    /// What only people know.
    pub lifecycle: Option<Lifecycle>,
    /// Whether it is given to a user.
    pub is_assigned: bool,
}

impl StatusInputs {
    /// That of a living device with these fields.
    pub fn of(fields: &DeviceFields) -> Self {
        Self {
            is_archived: false,
            lifecycle: fields.ownership.lifecycle,
            is_assigned: fields.ownership.user_id.is_some(),
        }
    }
}

impl ClientStatus {
    /// The status of a device that stands so: archived ones are [`Archived`](Self::Archived); of the
    /// others what people said of it counts before its assignee, and with one it is
    /// [`InService`](Self::InService), else [`Available`](Self::Available). An external device is never
    /// anything else: it is not validated, prepared or sent from here.
    pub fn of(standing: StatusInputs) -> Self {
        match (standing.is_archived, standing.lifecycle) {
            (true, _) => Self::Archived,
            (false, Some(Lifecycle::InMaintenance)) => Self::InMaintenance,
            (false, Some(Lifecycle::OutOfService)) => Self::OutOfService,
            (false, None) if standing.is_assigned => Self::InService,
            (false, None) => Self::Available,
        }
    }
}
