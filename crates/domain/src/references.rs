//! What rows refer to outside themselves: what the store must be asked about.

use crate::access::UserId;
use crate::device::{NewDevice, SerialNumber};

/// What a row refers to outside itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim<'a> {
    pub(crate) serial_number: Option<&'a SerialNumber>,
    pub(crate) user: Option<UserId>,
}

/// What a batch refers to outside itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct References {
    /// Serial numbers in folded form, each once, in order.
    pub serial_numbers: Vec<String>,
    /// Users, each once, in order.
    pub users: Vec<UserId>,
    /// How many devices the batch would add.
    pub devices: usize,
}

impl References {
    /// What these devices refer to.
    pub fn of_devices(devices: &[NewDevice]) -> Self {
        Self::of_claims(devices.iter().map(NewDevice::claim), devices.len())
    }

    pub(crate) fn of_claims<'a>(claims: impl Iterator<Item = Claim<'a>>, devices: usize) -> Self {
        let mut references = Self {
            devices,
            ..Self::default()
        };
        for claim in claims {
            let serial_number = claim.serial_number.map(|serial| serial.folded().to_owned());
            references.serial_numbers.extend(serial_number);
            references.users.extend(claim.user);
        }
        references.serial_numbers.sort_unstable();
        references.serial_numbers.dedup();
        references.users.sort_unstable();
        references.users.dedup();
        references
    }
}
