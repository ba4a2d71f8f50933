//! References of rejected rows.

use super::fields::FieldIndex;
use super::unique_fields::PerUniqueField;
use crate::field::{Email, RawRow, RowRef, read_if_valid, read_row_ref};
use crate::ids::UserId;
use crate::validation::external_refs::ExternalRefs;

/// Valid references of a rejected row. They are looked up, too, so that one response reports the
/// conflicts of every row.
#[derive(Debug, Default)]
pub(crate) struct RejectedRefs {
    unique: PerUniqueField<Option<String>>,
    user: Option<UserId>,
    user_email: Option<Email>,
    row_ref: Option<RowRef>,
}

impl RejectedRefs {
    /// Reads the references of a row. An invalid reference counts as absent.
    pub(crate) fn from_row(row: &RawRow<'_>) -> Self {
        Self {
            unique: PerUniqueField::from_fn(|field| field.folded_in_row(row)),
            user: read_if_valid(row, FieldIndex::user_id as usize),
            user_email: read_if_valid(row, FieldIndex::user_email as usize),
            row_ref: read_row_ref(row).ok().flatten(),
        }
    }

    pub(crate) fn row_ref(&self) -> Option<&RowRef> {
        self.row_ref.as_ref()
    }

    pub(crate) fn external_refs(&self) -> ExternalRefs<'_> {
        ExternalRefs {
            unique: PerUniqueField::from_fn(|field| self.unique[field].as_deref()),
            user: self.user,
            user_email: self.user_email.as_ref(),
        }
    }
}
