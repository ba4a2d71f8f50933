//! References from a row to stored data.

use crate::device::{DeviceFields, PerUniqueField};
use crate::field::Email;
use crate::ids::UserId;

/// Values of a row that must be checked against stored data.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ExternalRefs<'a> {
    /// Folded values of the unique fields.
    pub(crate) unique: PerUniqueField<Option<&'a str>>,
    pub(crate) user: Option<UserId>,
    pub(crate) user_email: Option<&'a Email>,
}

impl ExternalRefs<'_> {
    /// Returns the references of a patch without the values that the device already has: they are
    /// no conflicts.
    #[must_use]
    pub(crate) fn changed_from(mut self, stored: &DeviceFields) -> Self {
        let sent = self.unique;
        self.unique = PerUniqueField::from_fn(|field| {
            sent[field].filter(|value| field.folded(stored) != Some(*value))
        });
        // An email address must belong to the user that was sent beside it.
        if self.user_email.is_none() {
            let stored = stored.ownership.user_id;
            self.user = self.user.filter(|user| stored != Some(*user));
        }
        self
    }
}
