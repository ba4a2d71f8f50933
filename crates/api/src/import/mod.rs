//! Imports of CSV and Excel files: the steps that all inbound adapters share, without HTTP.
//!
//! `options::parse` reads the options, and `read_rows` reads a file into a batch. The use case
//! [`UpsertDevices`](devices_domain::UpsertDevices) stores or plans the batch. [`FileLayout`]
//! states the row and the column of each of its errors, and `rejected_rows` writes the rows to be
//! fixed.

mod layout;
pub(crate) mod options;
mod rejected_rows;

use std::io::Cursor;

use devices_domain::{BatchOptions, BatchRules, UpsertBatch};
use devices_import::{ImportError, ImportFile, ImportLimits, ImportOptions};

pub use layout::FileLayout;
pub(crate) use rejected_rows::{RejectedFile, rejected_rows};

/// A file in memory.
pub(crate) type FileInMemory = ImportFile<Cursor<Vec<u8>>>;

/// A file that was read.
pub(crate) struct ReadFile {
    /// The file, whose rows can be read again.
    pub(crate) file: FileInMemory,
    /// Its rows, validated.
    pub(crate) batch: UpsertBatch,
    /// Its rows and columns.
    pub(crate) layout: FileLayout,
}

/// Reads the rows of a file into a batch, which validates them.
///
/// # Errors
/// The first error of the file as a whole, or of an option that does not fit it. Errors of rows are
/// recorded in the batch.
pub(crate) fn read_rows(
    bytes: Vec<u8>,
    options: &ImportOptions,
    batch_options: BatchOptions,
    limits: ImportLimits,
) -> Result<ReadFile, ImportError> {
    let mut file = ImportFile::open(Cursor::new(bytes), options, limits)?;
    let rules = BatchRules {
        max_devices: limits.max_rows,
        ..BatchRules::default()
    };
    let mut batch = UpsertBatch::new(rules, batch_options);
    let mut rows = Vec::with_capacity(file.description().rows);
    file.read_rows(|number, row| {
        rows.push(number);
        batch.push(row);
    })?;
    let layout = FileLayout::new(&file, rows);
    Ok(ReadFile {
        file,
        batch,
        layout,
    })
}
