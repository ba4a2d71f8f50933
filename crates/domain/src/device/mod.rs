//! A device: the table of its fields, the rules of their values, and the device once stored.

mod amount;
mod choice;
mod date;
mod fields;
mod serial_number;
mod text;
mod unknown;
mod value;

use serde::Serialize;

use crate::access::ids;
use crate::enrollment::Enrollment;

pub use amount::Amount;
pub use choice::{AddedVia, KeyboardLayout};
pub use date::Date;
pub use fields::{Characteristics, Identity, NewDevice, Ownership, field, fields};
pub(crate) use fields::{Claims, Slot, judge};
pub use serial_number::SerialNumber;
pub use text::{Comment, Label, ShortText, Text, TextList};
pub use unknown::UnknownFields;
pub use value::{Field, Shape};

ids! {
    /// The number of a [`Device`], unique over all workspaces.
    DeviceId,
}

/// A stored device.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// Its number.
    pub id: DeviceId,
    /// What was judged and stored.
    pub fields: NewDevice,
    /// Its newest enrolment in device management that is neither deleted nor a draft.
    pub enrollment: Option<Enrollment>,
}

/// Where a device stands, as its owner sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(
    missing_docs,
    reason = "the names are the contract's and say what they hold"
)]
pub enum ClientStatus {
    Archived,
    PendingValidation,
    InPreparation,
    Delivered,
    Shipped,
    Available,
    InService,
    InMaintenance,
    OutOfService,
}

impl ClientStatus {
    /// Every status.
    pub const ALL: [Self; 9] = [
        Self::Archived,
        Self::PendingValidation,
        Self::InPreparation,
        Self::Delivered,
        Self::Shipped,
        Self::Available,
        Self::InService,
        Self::InMaintenance,
        Self::OutOfService,
    ];
}

/// Where a device comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Source {
    /// Owned or rented elsewhere.
    External,
}
