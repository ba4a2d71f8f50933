//! Keys by which stored data is looked up for a batch or a change.

use super::external_refs::ExternalRefs;
use crate::device::{DeviceFields, NewDevice, PerUniqueField};
use crate::ids::{DeviceId, UserId};

/// Keys by which a repository looks up the conflicts of a batch or a change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LookupKeys {
    /// Folded values of the unique fields, each sorted, without duplicates.
    pub unique: PerUniqueField<Vec<String>>,
    /// User ids, sorted, without duplicates.
    pub users: Vec<UserId>,
    /// Folded email addresses of users, each with the user id that was sent beside it. Sorted,
    /// without duplicates.
    pub emails: Vec<(String, Option<UserId>)>,
    /// Number of active devices to add. 0 for a change.
    pub added_devices: usize,
    /// The device to change. Its own values are not conflicts.
    pub changed_device: Option<DeviceId>,
}

impl LookupKeys {
    /// Returns the keys of new devices.
    pub fn from_devices<'a>(devices: impl IntoIterator<Item = &'a NewDevice>) -> Self {
        let mut count = 0;
        let devices = devices.into_iter().inspect(|_| count += 1);
        let mut keys = Self::from_refs(devices.map(NewDevice::external_refs));
        keys.added_devices = count;
        keys
    }

    pub(crate) fn from_refs<'a>(refs: impl Iterator<Item = ExternalRefs<'a>>) -> Self {
        let mut keys = Self::default();
        for ExternalRefs {
            unique,
            user,
            user_email,
        } in refs
        {
            for (field, value) in unique.iter() {
                keys.unique[field].extend(value.map(str::to_owned));
            }
            keys.users.extend(user);
            keys.emails
                .extend(user_email.map(|email| (email.folded().to_owned(), user)));
        }
        for (_, values) in keys.unique.iter_mut() {
            values.sort_unstable();
            values.dedup();
        }
        keys.users.sort_unstable();
        keys.users.dedup();
        keys.emails.sort_unstable();
        keys.emails.dedup();
        keys
    }

    /// Returns `true` if there is nothing to look up.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.unique.iter().all(|(_, values)| values.is_empty())
            && self.users.is_empty()
            && self.emails.is_empty()
            && self.added_devices == 0
    }

    /// Returns the keys of an archived device that is to be restored with these fields.
    #[must_use]
    pub fn from_restored(device: DeviceId, fields: &DeviceFields) -> Self {
        let refs = ExternalRefs {
            unique: PerUniqueField::from_fn(|field| field.folded(fields)),
            user: fields.ownership.user_id,
            user_email: None,
        };
        Self {
            added_devices: 1,
            ..Self::from_change(device, refs)
        }
    }

    pub(crate) fn from_change(device: DeviceId, refs: ExternalRefs<'_>) -> Self {
        Self {
            changed_device: Some(device),
            ..Self::from_refs(std::iter::once(refs))
        }
    }
}
