//! The file of rejected rows: to be fixed in a spreadsheet and imported again.

use std::collections::BTreeMap;

use devices_domain::{FieldError, RowPlan};
use devices_import::{ImportError, RejectedCell, RejectedFormat};

use super::{FileInMemory, FileLayout};

/// Writes the rows that would fail, with their errors in a last column. Only the header is written
/// if no row would fail.
///
/// # Errors
/// If the output cannot be written.
pub(crate) fn rejected_rows(
    file: &mut FileInMemory,
    layout: &FileLayout,
    plan: &[RowPlan],
    format: RejectedFormat,
) -> Result<Vec<u8>, ImportError> {
    let mut errors = BTreeMap::new();
    for (index, row) in plan.iter().enumerate() {
        if let (RowPlan::Fail(failed), Some(number)) = (row, layout.row(index)) {
            errors.insert(number, cells(layout, index, failed));
        }
    }
    let mut output = Vec::new();
    file.write_rejected_rows(&errors, format, &mut output)?;
    Ok(output)
}

fn cells(layout: &FileLayout, index: usize, errors: &[FieldError]) -> Vec<RejectedCell> {
    let cells = errors.iter().map(|error| RejectedCell {
        column: layout.column(error).map(|column| column.index),
        message: layout.message(Some(index), error),
    });
    cells.collect()
}
