//! What a device refers to outside itself.

use crate::field::{Email, SerialNumber};
use crate::ids::UserId;

/// What a row refers to outside itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExternalRefs<'a> {
    pub(crate) serial_number: Option<&'a SerialNumber>,
    pub(crate) user: Option<UserId>,
    pub(crate) user_email: Option<&'a Email>,
}
