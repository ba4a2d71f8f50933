//! The file of rejected rows: to be fixed in a spreadsheet and imported again.

use std::collections::BTreeMap;
use std::io::{self, Write};

use devices_domain::{FieldError, RowPlan};

use super::{FileInMemory, FileLayout};
use crate::error::{FileError, FileErrorReason, ImportError};
use crate::rejected::{RejectedCell, RejectedFormat};

/// A file of rejected rows.
pub struct RejectedFile {
    /// Content.
    pub bytes: Vec<u8>,
    /// Encoding of a text. `None` for a workbook.
    pub encoding: Option<&'static str>,
}

/// Writes the rows that would fail, with their errors in a last column. Only the header is written
/// if no row would fail.
///
/// # Errors
/// If the output would exceed `max_bytes`: the cells of a workbook may share one long text.
pub fn rejected_rows(
    file: &mut FileInMemory,
    layout: &FileLayout,
    plan: &[RowPlan],
    format: RejectedFormat,
    max_bytes: usize,
) -> Result<RejectedFile, ImportError> {
    let mut errors = BTreeMap::new();
    for (index, row) in plan.iter().enumerate() {
        if let (RowPlan::Fail(failed), Some(number)) = (row, layout.row(index)) {
            errors.insert(number, cells(layout, index, failed));
        }
    }
    let mut output = LimitedBuffer::new(max_bytes);
    let written = file.write_rejected_rows(&errors, format, &mut output);
    if output.is_exceeded {
        let message = format!(
            "the rejected rows have more than {max_bytes} bytes: split the file, or shorten its \
             cells"
        );
        return Err(FileError::new(FileErrorReason::TooLarge, message).into());
    }
    Ok(RejectedFile {
        encoding: written?,
        bytes: output.bytes,
    })
}

/// Buffer that rejects what exceeds its limit.
struct LimitedBuffer {
    bytes: Vec<u8>,
    max_bytes: usize,
    is_exceeded: bool,
}

impl LimitedBuffer {
    fn new(max_bytes: usize) -> Self {
        Self {
            bytes: Vec::new(),
            max_bytes,
            is_exceeded: false,
        }
    }
}

impl Write for LimitedBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.is_exceeded |= bytes.len() > self.max_bytes - self.bytes.len();
        if self.is_exceeded {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn cells(layout: &FileLayout, index: usize, errors: &[FieldError]) -> Vec<RejectedCell> {
    let cells = errors.iter().map(|error| RejectedCell {
        column: layout.column(error).map(|column| column.index),
        message: layout.message(Some(index), error),
    });
    cells.collect()
}

#[cfg(test)]
mod tests {
    use super::super::{BatchImportOptions, ReadFile, read_batch};
    use super::*;
    use crate::limits::ImportLimits;
    fn rejected(format: RejectedFormat, max_bytes: usize) -> Result<Vec<u8>, ImportError> {
        let text = "name,type\nA,laptop\nB,laptop\n".into();
        let read = read_batch(
            text,
            &BatchImportOptions::default(),
            ImportLimits::default(),
        );
        let ReadFile {
            mut file, layout, ..
        } = read.unwrap();
        let plan = [RowPlan::Fail(Vec::new()), RowPlan::Create];
        let file = rejected_rows(&mut file, &layout, &plan, format, max_bytes)?;
        Ok(file.bytes)
    }

    #[test]
    fn rows_within_the_limit_are_written() {
        let text = rejected(RejectedFormat::Csv, 100).unwrap();
        assert_eq!(
            str::from_utf8(&text).unwrap(),
            "name,type,Error\nA,laptop,\n"
        );
        let length = text.len();
        assert_eq!(rejected(RejectedFormat::Csv, length).unwrap(), text);
    }

    #[test]
    fn rows_above_the_limit_are_an_error() {
        for (format, max_bytes) in [(RejectedFormat::Csv, 20), (RejectedFormat::Xlsx, 500)] {
            let Err(ImportError::File(error)) = rejected(format, max_bytes) else {
                panic!("{format:?}: no error");
            };
            assert_eq!(error.reason, FileErrorReason::TooLarge);
        }
    }
}
