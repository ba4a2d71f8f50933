//! References of rejected rows.

use super::fields::FieldIndex;
use crate::field::{Email, RawRow, SerialNumber, read_if_valid};
use crate::ids::UserId;
use crate::validation::external_refs::ExternalRefs;

/// Valid references of a rejected row. They are looked up, too, so that one response reports the
/// conflicts of every row.
#[derive(Debug, Default)]
pub(crate) struct RejectedRefs {
    serial_number: Option<SerialNumber>,
    user: Option<UserId>,
    user_email: Option<Email>,
}

impl RejectedRefs {
    /// Reads the references of a row. An invalid reference counts as absent.
    pub(crate) fn from_row(row: &RawRow<'_>) -> Self {
        Self {
            serial_number: read_if_valid(row, FieldIndex::serial_number as usize),
            user: read_if_valid(row, FieldIndex::user_id as usize),
            user_email: read_if_valid(row, FieldIndex::user_email as usize),
        }
    }

    pub(crate) fn external_refs(&self) -> ExternalRefs<'_> {
        ExternalRefs {
            serial_number: self.serial_number.as_ref(),
            user: self.user,
            user_email: self.user_email.as_ref(),
        }
    }
}
