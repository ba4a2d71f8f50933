//! References from a row to stored data.

use crate::device::PerUniqueField;
use crate::field::Email;
use crate::ids::UserId;

/// Values of a row that must be checked against stored data.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExternalRefs<'a> {
    /// Folded values of the unique fields.
    pub(crate) unique: PerUniqueField<Option<&'a str>>,
    pub(crate) user: Option<UserId>,
    pub(crate) user_email: Option<&'a Email>,
}
