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

/// Maximum length of the name without its extensions, in characters.
const MAX_STEM: usize = 100;

impl RejectedFile {
    /// Returns the media type, such as `text/csv; charset=utf-8; header=present` (RFC 4180).
    #[must_use]
    pub fn media_type(&self) -> String {
        match self.encoding {
            Some(encoding) => {
                let charset = encoding.to_lowercase();
                format!("{}; charset={charset}; header=present", Self::CSV)
            }
            None => Self::XLSX.to_owned(),
        }
    }

    /// Returns a name for the file, such as `laptops.rejected.xlsx` for the rows of `laptops.csv`.
    /// Keeps letters, digits, blanks and `-_.()`: a client may use the name for a file, and show
    /// it.
    #[must_use]
    pub fn name(&self, imported: Option<&str>) -> String {
        let extension = if self.encoding.is_some() {
            "csv"
        } else {
            "xlsx"
        };
        format!("{}.rejected.{extension}", stem(imported))
    }

    /// Media type of CSV (RFC 4180).
    pub const CSV: &'static str = "text/csv";

    /// Media type of a workbook.
    pub const XLSX: &'static str =
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
}

/// Returns the harmless part of the name of a file, without its folder and its extension.
fn stem(file_name: Option<&str>) -> String {
    let name = file_name.unwrap_or_default();
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = base.rsplit_once('.').map_or(base, |(stem, _)| stem);
    let is_kept = |c: &char| c.is_alphanumeric() || " -_.()".contains(*c);
    let kept: String = stem.chars().filter(is_kept).take(MAX_STEM).collect();
    let kept = kept.trim_matches([' ', '.']);
    if kept.is_empty() {
        "devices".to_owned()
    } else {
        kept.to_owned()
    }
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
    rejected_file(file, &rejected_cells(layout, plan), format, max_bytes)
}

/// Returns the errors of the rows that would fail, by row number.
#[must_use]
pub fn rejected_cells(layout: &FileLayout, plan: &[RowPlan]) -> BTreeMap<u32, Vec<RejectedCell>> {
    let mut errors = BTreeMap::new();
    for (index, row) in plan.iter().enumerate() {
        if let (RowPlan::Fail(failed), Some(number)) = (row, layout.row(index)) {
            errors.insert(number, cells(layout, index, failed));
        }
    }
    errors
}

/// Writes the rows with these errors, in the columns of the file, with the errors in a last column.
///
/// # Errors
/// If the output would exceed `max_bytes`.
pub fn rejected_file(
    file: &mut FileInMemory,
    errors: &BTreeMap<u32, Vec<RejectedCell>>,
    format: RejectedFormat,
    max_bytes: usize,
) -> Result<RejectedFile, ImportError> {
    let mut output = LimitedBuffer::new(max_bytes);
    let written = file.write_rejected_rows(errors, format, &mut output);
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
    use rstest::rstest;

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

    #[rstest]
    #[case(Some("laptops.xlsx"), "laptops")]
    #[case(Some("Inventar 2026 (neu).v2.csv"), "Inventar 2026 (neu).v2")]
    #[case(Some("/etc/passwd"), "passwd")]
    #[case(Some(r"C:\Users\ada\Desktop\laptops.csv"), "laptops")]
    #[case(Some("../../.ssh/.config.csv"), "config")]
    #[case(Some("a\r\nSet-Cookie: b\u{202e}\"c.csv"), "aSet-Cookie bc")]
    #[case(Some("Geräte.csv"), "Geräte")]
    #[case(Some(".csv"), "devices")]
    #[case(Some(""), "devices")]
    #[case(None, "devices")]
    fn file_name_keeps_only_harmless_characters(
        #[case] sent: Option<&str>,
        #[case] expected: &str,
    ) {
        assert_eq!(stem(sent), expected);
    }

    #[test]
    fn long_file_name_is_cut() {
        assert_eq!(stem(Some(&"x".repeat(10_000))).len(), MAX_STEM);
    }
}
