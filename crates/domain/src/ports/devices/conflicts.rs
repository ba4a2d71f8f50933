//! Conflicts of new or changed devices with stored data.

use std::collections::{BTreeSet, HashMap};

use crate::device::PerUniqueField;
use crate::ids::{DeviceId, UserId};
use crate::validation::lookup_keys::LookupKeys;

/// Conflicts of a batch, or of a change, with stored data.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conflicts {
    /// User ids that do not exist in the workspace.
    pub unknown_users: BTreeSet<UserId>,
    /// Folded email addresses that no user of the workspace has.
    pub unknown_emails: BTreeSet<String>,
    /// Folded email addresses whose user is not the one whose id was sent beside the address.
    pub mismatched_users: BTreeSet<(String, UserId)>,
    /// Folded values of unique fields that active devices of the workspace have.
    pub taken: PerUniqueField<HashMap<String, DeviceId>>,
    /// Set if the new devices would exceed the workspace's device limit.
    pub device_limit: Option<DeviceLimitReached>,
}

impl Conflicts {
    /// Returns `true` if there are no conflicts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.unknown_users.is_empty()
            && self.unknown_emails.is_empty()
            && self.mismatched_users.is_empty()
            && self.taken.iter().all(|(_, taken)| taken.is_empty())
            && self.device_limit.is_none()
    }

    /// Returns the conflicts that concern `keys`, without the device limit.
    #[must_use]
    pub fn for_lookup_keys(&self, keys: &LookupKeys) -> Self {
        let unknown_users = keys
            .users
            .iter()
            .copied()
            .filter(|user| self.unknown_users.contains(user));
        let unknown_emails = keys
            .emails
            .iter()
            .map(|(email, _)| email)
            .filter(|email| self.unknown_emails.contains(*email));
        let mismatched_users = keys
            .emails
            .iter()
            .filter_map(|(email, user)| Some((email.clone(), (*user)?)))
            .filter(|pair| self.mismatched_users.contains(pair));
        let taken = |field| {
            let values = keys.unique[field].iter();
            let taken = values.filter_map(|value| self.taken[field].get_key_value(value));
            taken
                .map(|(value, device)| (value.clone(), *device))
                .collect()
        };
        Self {
            unknown_users: unknown_users.collect(),
            unknown_emails: unknown_emails.cloned().collect(),
            mismatched_users: mismatched_users.collect(),
            taken: PerUniqueField::from_fn(taken),
            device_limit: None,
        }
    }
}

/// Result of looking up the keys of a batch. The default is that nothing was found.
#[derive(Debug, Clone, Default)]
pub struct LookupResult {
    /// Conflicts of all keys, without the device limit.
    pub conflicts: Conflicts,
    /// Users by folded email address.
    pub users_by_email: HashMap<String, UserId>,
    /// The workspace's device limit, if it has one. Other transactions may take the last places
    /// before this one does.
    pub device_limit: Option<DeviceLimit>,
    /// The workspace's quota of users, if the batch may create users.
    pub user_quota: Option<UserQuota>,
}

/// A workspace's quota of users.
#[derive(Debug, Clone, Copy)]
pub struct UserQuota {
    /// Maximum number of active users.
    pub max: u64,
    /// Current number of active users.
    pub held: u64,
}

/// A workspace's device limit.
#[derive(Debug, Clone, Copy)]
pub struct DeviceLimit {
    /// Maximum number of active devices.
    pub limit: u64,
    /// Current number of active devices.
    pub held: u64,
}

impl LookupResult {
    /// Returns an error if `added` more devices would exceed the limit.
    #[must_use]
    pub fn device_limit_reached(&self, added: usize) -> Option<DeviceLimitReached> {
        let DeviceLimit { limit, held } = self.device_limit?;
        let added = added as u64;
        // A limit below the current number rejects new devices, but not a batch without any.
        (added > 0 && held + added > limit).then_some(DeviceLimitReached { limit, held, added })
    }
}

/// A workspace's device limit that new devices would exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceLimitReached {
    /// Maximum number of active devices.
    pub limit: u64,
    /// Current number of active devices.
    pub held: u64,
    /// Number of new devices.
    pub added: u64,
}
