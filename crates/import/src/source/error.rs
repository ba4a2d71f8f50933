//! Errors of files that cannot be read.

use std::io;

use crate::error::{FileError, FileErrorReason, ImportError};

pub(super) fn unsupported(what: &str) -> FileError {
    let message = format!("{what}: save it as .xlsx or .csv");
    FileError::new(FileErrorReason::UnsupportedKind, message)
}

pub(super) fn encrypted() -> FileError {
    let message = "the workbook is encrypted: save it without a password";
    FileError::new(FileErrorReason::Encrypted, message)
}

pub(super) fn damaged_workbook() -> FileError {
    let message = "the workbook is damaged: open it in a spreadsheet program, and save it again";
    FileError::new(FileErrorReason::Damaged, message)
}

/// Converts an error of reading a workbook. Decompression reports damaged data as an I/O error.
pub(super) fn workbook_io(error: io::Error) -> ImportError {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    if matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof) {
        damaged_workbook().into()
    } else {
        error.into()
    }
}

pub(super) fn too_many_columns(row: u32, max_columns: usize) -> FileError {
    let message =
        format!("row {row} has more than {max_columns} columns: delete those that you do not need");
    in_row(FileErrorReason::TooManyColumns, row, message)
}

/// Returns an error of a row, from 1.
pub(super) fn in_row(reason: FileErrorReason, row: u32, message: String) -> FileError {
    FileError {
        row: Some(row),
        ..FileError::new(reason, message)
    }
}
