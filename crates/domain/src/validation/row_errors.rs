//! Sink for the errors of one row.

use super::error::FieldError;
use super::report::ErrorReport;

/// Adds the errors of one row to a report. A full report counts further errors and drops them.
#[derive(Debug)]
pub(crate) struct RowErrors<'r> {
    report: &'r mut ErrorReport,
    index: Option<usize>,
    is_empty: bool,
}

impl<'r> RowErrors<'r> {
    /// Creates the sink of the row at `index`, or of a row that is not part of a batch.
    pub(crate) fn new(report: &'r mut ErrorReport, index: Option<usize>) -> Self {
        Self {
            report,
            index,
            is_empty: true,
        }
    }

    /// Adds an error.
    pub(crate) fn push(&mut self, error: FieldError) {
        self.push_with(|| error);
    }

    /// Adds an error that is expensive to create. Does not call `error` if the report is full.
    pub(crate) fn push_with(&mut self, error: impl FnOnce() -> FieldError) {
        self.is_empty = false;
        if self.report.is_full() {
            self.report.count_only();
        } else {
            self.report.add(self.index, error());
        }
    }

    /// Returns whether the row has no error.
    pub(crate) fn is_empty(&self) -> bool {
        self.is_empty
    }
}
