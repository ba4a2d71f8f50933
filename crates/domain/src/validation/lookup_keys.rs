//! What rows refer to outside themselves: what the store must be asked about.

use crate::device::NewDevice;
use crate::ids::{DeviceId, UserId};
use crate::validation::external_refs::ExternalRefs;

/// What a batch, or a change, refers to outside itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LookupKeys {
    /// Serial numbers in folded form, each once, in order.
    pub serial_numbers: Vec<String>,
    /// Users, each once, in order.
    pub users: Vec<UserId>,
    /// Users by their addresses, each spelling once for each number that is given beside it, in order.
    pub emails: Vec<(String, Option<UserId>)>,
    /// How many devices would be added.
    pub devices: usize,
    /// The device that is changed: what it has itself is not taken.
    pub changed: Option<DeviceId>,
}

impl LookupKeys {
    /// What these devices refer to.
    pub fn of_devices<'a>(devices: impl IntoIterator<Item = &'a NewDevice>) -> Self {
        let mut count = 0;
        let claims = devices.into_iter().inspect(|_| count += 1);
        let mut references = Self::of_claims(claims.map(NewDevice::claim), 0);
        references.devices = count;
        references
    }

    pub(crate) fn of_claims<'a>(
        claims: impl Iterator<Item = ExternalRefs<'a>>,
        devices: usize,
    ) -> Self {
        let mut references = Self {
            devices,
            ..Self::default()
        };
        for claim in claims {
            let serial_number = claim.serial_number.map(|serial| serial.folded().to_owned());
            references.serial_numbers.extend(serial_number);
            references.users.extend(claim.user);
            let email = claim.user_email;
            let email = email.map(|email| (email.as_str().to_owned(), claim.user));
            references.emails.extend(email);
        }
        references.serial_numbers.sort_unstable();
        references.serial_numbers.dedup();
        references.users.sort_unstable();
        references.users.dedup();
        references.emails.sort_unstable();
        references.emails.dedup();
        references
    }

    pub(crate) fn of_change(device: DeviceId, claim: ExternalRefs<'_>) -> Self {
        Self {
            changed: Some(device),
            ..Self::of_claims(std::iter::once(claim), 0)
        }
    }
}
