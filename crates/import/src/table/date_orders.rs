//! Order of day and month in columns of dates.

use super::column_statistics::ColumnStatistics;
use super::row_reader::RowReader;
use crate::columns::{Mapping, describe_all};
use crate::error::{FileError, FileErrorReason};
use crate::value::DecidedOrder;

/// Decides the order of day and month of each column of dates by its values.
///
/// # Errors
/// Rejects columns whose values do not show the order.
pub(super) fn decide_date_orders(
    reader: &mut RowReader,
    statistics: &[ColumnStatistics],
    mapping: &Mapping,
) -> Result<(), FileError> {
    let mut ambiguous = Vec::new();
    for column in &mut reader.columns {
        let Some(dates) = &statistics[column.index].dates else {
            continue;
        };
        let (row, why) = match dates.decide() {
            DecidedOrder::NotNeeded => continue,
            DecidedOrder::Decided(order) => {
                column.reader.set_date_order(order);
                continue;
            }
            DecidedOrder::Contradictory(day, month) if day == month => {
                (day, format!("neither order fits row {day}"))
            }
            DecidedOrder::Contradictory(day, month) => (
                day.max(month),
                format!("row {day} has the day first, and row {month} the month"),
            ),
            DecidedOrder::Undecided(row) => (
                row,
                format!("row {row} can be read both ways, and no row shows the order"),
            ),
        };
        ambiguous.push((column.index, row, why));
    }
    let Some((_, row, why)) = ambiguous.first() else {
        return Ok(());
    };
    let indexes: Vec<usize> = ambiguous.iter().map(|(index, ..)| *index).collect();
    let message = format!(
        "{} has dates whose order of day and month is not clear ({why}): give `date_format` \
         DD/MM/YYYY or MM/DD/YYYY",
        describe_all(&mapping.headers, &indexes)
    );
    let columns = indexes.iter().map(|index| mapping.error_column(*index));
    Err(FileError {
        columns: columns.collect(),
        row: Some(*row),
        ..FileError::new(FileErrorReason::AmbiguousDate, message)
    })
}
