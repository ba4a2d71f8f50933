//! References from a row to stored data.

use crate::device::NewDevice;
use crate::field::{Email, SerialNumber};
use crate::ids::UserId;

/// Values of a row that must be checked against stored data.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExternalRefs<'a> {
    pub(crate) serial_number: Option<&'a SerialNumber>,
    pub(crate) user: Option<UserId>,
    pub(crate) user_email: Option<&'a Email>,
}

impl NewDevice {
    pub(crate) fn external_refs(&self) -> ExternalRefs<'_> {
        ExternalRefs {
            serial_number: self.fields.identity.serial_number.as_ref(),
            user: self.fields.ownership.user_id,
            user_email: self.assignment.user_email.as_ref(),
        }
    }
}
