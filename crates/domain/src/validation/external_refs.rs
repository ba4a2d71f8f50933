//! References from a row to stored data.

use crate::field::{Email, SerialNumber};
use crate::ids::UserId;

/// Values of a row that must be checked against stored data.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExternalRefs<'a> {
    pub(crate) serial_number: Option<&'a SerialNumber>,
    pub(crate) user: Option<UserId>,
    pub(crate) user_email: Option<&'a Email>,
}
