//! Errors of rows, grouped by their reason, with the cells that cause them.

use std::collections::BTreeMap;

use devices_domain::{ErrorCode, FieldError, Reason, RowPlan};

use super::{FileInMemory, FileLayout};
use crate::error::ImportError;
use crate::source::Cell;
use crate::text::shorten;
use crate::value::{ERROR_VALUE, display_text};

/// Errors of rows with the same field and reason.
///
/// The examples contain values of the file: show them to the sender of the file, and neither store
/// nor log them. Therefore the type has no `Debug`.
pub struct ErrorGroup {
    /// Field. `None`: the rows as a whole.
    pub field: Option<String>,
    /// Code.
    pub code: ErrorCode,
    /// Reason.
    pub reason: Reason,
    /// Number of errors.
    pub count: usize,
    /// First errors, by row. Errors with the same value in the same column are one example.
    pub examples: Vec<ErrorExample>,
}

/// Example of an error of a row.
pub struct ErrorExample {
    /// First row with the error, from 1, as the spreadsheet shows it.
    pub row: u32,
    /// Index of the column in [`FileLayout::columns`]. `None`: no column provides the value.
    pub column: Option<usize>,
    /// Text of the cell in one line, shortened to 100 characters. `None`: the cell is blank, or no
    /// column provides the value. `#VALUE!` stands for every error value of a workbook.
    pub value: Option<String>,
    /// Message, such as "Service Tag (`serial_number`) is required".
    pub message: String,
    /// Number of errors with this value in this column. 1 without a value.
    pub count: usize,
}

/// Groups of errors, the largest first.
pub struct ErrorGroups {
    /// Groups.
    pub groups: Vec<ErrorGroup>,
    /// Number of groups that are left out.
    pub omitted: usize,
    /// Number of all errors, including those that are left out.
    pub total: usize,
}

/// Limits of [`ErrorGroups`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorGroupLimits {
    /// Maximum number of groups.
    pub groups: usize,
    /// Maximum number of examples of each group.
    pub examples: usize,
}

/// Returns the errors of a plan, with the index of the row of each.
pub fn plan_errors(rows: &[RowPlan]) -> impl Iterator<Item = (usize, &FieldError)> {
    rows.iter().enumerate().flat_map(|(index, row)| {
        let errors = match row {
            RowPlan::Fail(errors) => errors.as_slice(),
            _ => &[],
        };
        errors.iter().map(move |error| (index, error))
    })
}

/// Groups errors of rows, given with the index of each row in the batch. Reads the file again for
/// the values.
///
/// # Errors
/// The error of a file that changed since it was opened, which never happens in memory.
pub fn group_errors<'e>(
    file: &mut FileInMemory,
    layout: &FileLayout,
    errors: impl IntoIterator<Item = (usize, &'e FieldError)>,
    limits: ErrorGroupLimits,
) -> Result<ErrorGroups, ImportError> {
    let mut by_row: BTreeMap<u32, Vec<(usize, &FieldError)>> = BTreeMap::new();
    let mut total = 0;
    for (index, error) in errors {
        if let Some(row) = layout.row(index) {
            by_row.entry(row).or_default().push((index, error));
            total += 1;
        }
    }
    let mut groups: Vec<ErrorGroup> = Vec::new();
    file.source.read_rows(|row, cells| {
        for (index, error) in by_row.remove(&row).into_iter().flatten() {
            let column = layout.column(error).map(|column| column.index);
            let cell = column.and_then(|column| cells.get(column));
            let example = ErrorExample {
                row,
                column,
                value: cell.and_then(shown_text),
                message: String::new(),
                count: 1,
            };
            let message = || layout.message(Some(index), error);
            find_or_add(&mut groups, error).add(example, message, limits.examples);
        }
        Ok(!by_row.is_empty())
    })?;
    groups.sort_by_key(|group| (usize::MAX - group.count, group.first_row()));
    let omitted = groups.len().saturating_sub(limits.groups);
    groups.truncate(limits.groups);
    Ok(ErrorGroups {
        groups,
        omitted,
        total,
    })
}

/// Returns the group of an error. There are few: known fields, each with few reasons.
fn find_or_add<'g>(groups: &'g mut Vec<ErrorGroup>, error: &FieldError) -> &'g mut ErrorGroup {
    let is_same = |group: &ErrorGroup| {
        group.field.as_deref() == error.field.as_deref()
            && (group.code, group.reason) == (error.code, error.reason)
    };
    let place = groups.iter().position(is_same).unwrap_or_else(|| {
        groups.push(ErrorGroup {
            field: error.field.as_deref().map(str::to_owned),
            code: error.code,
            reason: error.reason,
            count: 0,
            examples: Vec::new(),
        });
        groups.len() - 1
    });
    &mut groups[place]
}

impl ErrorGroup {
    fn add(&mut self, example: ErrorExample, message: impl FnOnce() -> String, max: usize) {
        self.count += 1;
        let is_same = |other: &&mut ErrorExample| {
            other.value.is_some()
                && (other.column, &other.value) == (example.column, &example.value)
        };
        if let Some(same) = self.examples.iter_mut().find(is_same) {
            same.count += 1;
        } else if self.examples.len() < max {
            self.examples.push(ErrorExample {
                message: message(),
                ..example
            });
        }
    }

    fn first_row(&self) -> Option<u32> {
        self.examples.first().map(|example| example.row)
    }
}

fn shown_text(cell: &Cell<'_>) -> Option<String> {
    let text = match cell {
        Cell::Error => ERROR_VALUE.to_owned(),
        cell => shorten(&display_text(cell)),
    };
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use devices_domain::NewDevice;

    use super::super::{BatchImportOptions, ReadFile, read_batch};
    use super::*;
    use crate::limits::ImportLimits;

    const LIMITS: ErrorGroupLimits = ErrorGroupLimits {
        groups: 3,
        examples: 2,
    };

    /// Validates the rows of a file and groups their errors.
    fn grouped(text: &str, limits: ErrorGroupLimits) -> ErrorGroups {
        let options = BatchImportOptions::parse(br#"{"other_columns":"attributes"}"#).unwrap();
        let read = read_batch(text.into(), &options, ImportLimits::default()).unwrap();
        let ReadFile {
            mut file, layout, ..
        } = read;
        let mut rows = Vec::new();
        let read = file.read_rows(|_, row| {
            rows.push(match NewDevice::from_row(row) {
                Ok(_) => RowPlan::Create,
                Err(errors) => RowPlan::Fail(errors),
            });
        });
        read.unwrap();
        group_errors(&mut file, &layout, plan_errors(&rows), limits).unwrap()
    }

    fn described(groups: &ErrorGroups) -> Vec<String> {
        let groups = groups.groups.iter();
        let groups = groups.map(|group| {
            let examples = group.examples.iter().map(|example| {
                let value = example.value.as_deref().unwrap_or("-");
                format!("{}:{value}x{}", example.row, example.count)
            });
            let field = group.field.as_deref().unwrap_or("row");
            let (reason, count) = (group.reason.as_str(), group.count);
            format!(
                "{field} {reason} {count}: {}",
                examples.collect::<Vec<_>>().join(" ")
            )
        });
        groups.collect()
    }

    #[test]
    fn errors_are_grouped_with_their_cells() {
        let text = "name;type;category;client_purchase_price;keyboard_layout;Room\n\
            A;laptop;computers;12x;KLINGON;\n\
            ;laptop;computers;12x;klingon;\n\
            \n\
            C;laptop;computers;free;KLINGON;\n\
            D;laptop;computers;\"x\ny\";ELVISH;\n\
            ;laptop;computers;;ROMULAN;\n";
        let groups = grouped(text, LIMITS);
        assert_eq!(
            described(&groups),
            [
                "keyboard_layout not_in_enum 5: 2:KLINGONx2 3:klingonx1",
                "client_purchase_price malformed 3: 2:12xx2 5:freex1",
                "name required 2: 3:-x1 7:-x1",
            ]
        );
        assert_eq!((groups.omitted, groups.total), (1, 11));
        let example = &groups.groups[0].examples[0];
        assert_eq!(example.column, Some(4));
        assert!(example.message.starts_with("`keyboard_layout` must be"));
    }

    #[test]
    fn groups_and_examples_are_limited() {
        let text = "name,type,category,serial_number,Room\n\
            A,,,N/A,\n\
            A,,,N/A,\n\
            ,,,SN-3,a\u{202e}b\n";
        let limits = ErrorGroupLimits {
            groups: 1,
            examples: 0,
        };
        let groups = grouped(text, limits);
        assert_eq!(described(&groups), ["type required 3: "]);
        assert_eq!((groups.omitted, groups.total), (4, 10));
    }
}
