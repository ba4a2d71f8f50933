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

/// Converts an error of reading a workbook. The archive reports damaged and unsupported data as I/O
/// errors, too, but without a code of the operating system.
pub(super) fn workbook_io(error: io::Error) -> ImportError {
    if error.raw_os_error().is_some() {
        error.into()
    } else {
        damaged_workbook().into()
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
