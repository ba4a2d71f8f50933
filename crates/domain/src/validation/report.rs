//! Report of all errors of a batch or an object.

use super::error::{FieldError, Reason, RowError};
use crate::field::RowRef;

/// All errors of a batch or an object. Lists a limited number of them and counts all.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorReport {
    max_entries: usize,
    entries: Vec<RowError>,
    total: usize,
    unknown_users: usize,
}

impl Default for ErrorReport {
    fn default() -> Self {
        Self::new(Self::MAX_ENTRIES)
    }
}

impl ErrorReport {
    /// Default maximum number of listed errors.
    pub const MAX_ENTRIES: usize = 1_000;

    pub(crate) fn new(max_entries: usize) -> Self {
        Self {
            max_entries,
            entries: Vec::new(),
            total: 0,
            unknown_users: 0,
        }
    }

    /// Creates a report of one error that belongs to no row.
    #[must_use]
    pub fn from_error(error: FieldError) -> Self {
        Self::from_errors([error])
    }

    /// Creates a report of errors that belong to no row, in this order.
    pub fn from_errors(errors: impl IntoIterator<Item = FieldError>) -> Self {
        let mut report = Self::default();
        report.extend(errors);
        report.finish()
    }

    /// Returns the listed errors: those of the batch as a whole first, then by row.
    #[must_use]
    pub fn entries(&self) -> &[RowError] {
        &self.entries
    }

    /// Returns the number of all errors, including those that are not listed.
    #[must_use]
    pub fn total(&self) -> usize {
        self.total
    }

    /// Returns `true` if there is no error.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Returns `true` if there are errors, and all of them are unknown users.
    #[must_use]
    pub fn has_only_unknown_users(&self) -> bool {
        self.total > 0 && self.total == self.unknown_users
    }

    /// Returns `true` if no further error of the current or a later row will be listed.
    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= self.max_entries
    }

    /// Counts an error that is not listed.
    pub(crate) fn count_only(&mut self) {
        self.total += 1;
    }

    /// Returns the listed errors without their rows.
    pub(crate) fn into_field_errors(self) -> Vec<FieldError> {
        self.entries.into_iter().map(|entry| entry.error).collect()
    }

    /// Adds an error of any row, or of the batch as a whole (`None`).
    pub(crate) fn add(&mut self, index: Option<usize>, error: FieldError) {
        self.total += 1;
        self.unknown_users += usize::from(error.reason == Reason::UnknownUser);
        // Bounds the memory: a later error may belong to an earlier row, so entries are dropped
        // only after sorting.
        if self.entries.len() >= self.max_entries.saturating_mul(2) {
            self.sort_and_truncate();
        }
        self.entries.push(RowError {
            index,
            row_ref: None,
            error,
        });
    }

    /// Adds errors that belong to no row.
    pub(crate) fn extend(&mut self, errors: impl IntoIterator<Item = FieldError>) {
        for error in errors {
            self.add(None, error);
        }
    }

    /// Adds the errors of a row.
    pub(crate) fn add_row(&mut self, index: usize, errors: Self) {
        self.total += errors.total - errors.entries.len();
        for entry in errors.entries {
            self.add(Some(index), entry.error);
        }
    }

    /// Adds the references of the rows to the listed errors of a [finished](Self::finish) report.
    pub(crate) fn with_row_refs<'a>(
        mut self,
        row_ref: impl Fn(usize) -> Option<&'a RowRef>,
    ) -> Self {
        for entry in &mut self.entries {
            entry.row_ref = entry.index.and_then(&row_ref).cloned();
        }
        self
    }

    /// Sorts the entries and drops those that are not listed.
    pub(crate) fn finish(mut self) -> Self {
        self.sort_and_truncate();
        self
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.entries.capacity()
    }

    fn sort_and_truncate(&mut self) {
        self.entries.sort_by_key(|entry| entry.index);
        self.entries.truncate(self.max_entries);
    }
}
