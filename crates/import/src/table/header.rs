//! Search for the header of a file.

use std::io::{Read, Seek};

use crate::columns::is_header_row;
use crate::error::{FileError, FileErrorReason, ImportError};
use crate::options::ImportOptions;
use crate::source::Source;
use crate::value::is_blank_cell;

/// Number of rows among which the header is searched.
const MAX_HEADER_ROW: u32 = 20;

/// Returns the row of the header: the given one, the first of the first 20 rows with two known
/// headers, or the first row with a value. Whether the given one exists is not checked.
///
/// # Errors
/// Returns that of a file without values.
pub(crate) fn find_header<R: Read + Seek>(
    source: &mut Source<R>,
    options: &ImportOptions,
) -> Result<u32, ImportError> {
    if let Some(row) = options.header_row {
        return Ok(row);
    }
    let (mut first, mut header) = (None, None);
    source.read_rows(|row, cells| {
        let is_in_reach = row <= MAX_HEADER_ROW;
        if is_in_reach && is_header_row(cells, options) {
            header = Some(row);
        }
        if !cells.iter().all(is_blank_cell) {
            first = first.or(Some(row));
        }
        Ok(header.is_none() && (is_in_reach || first.is_none()))
    })?;
    header.or(first).ok_or_else(|| {
        let message = "the file has no row with a value";
        FileError::new(FileErrorReason::Empty, message).into()
    })
}
