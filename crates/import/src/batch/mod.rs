//! Imports of files as batches: the steps that all inbound adapters of the server share.
//!
//! [`BatchImportOptions::parse`] reads the options, and [`read_batch`] reads a file into a batch.
//! The use case [`UpsertDevices`](devices_domain::UpsertDevices) stores or plans the batch.
//! [`FileLayout`] states the row and the column of each of its errors, [`group_errors`] groups them
//! with their cells, and [`rejected_rows`] writes the rows to be fixed. [`interpret_file`]
//! describes a file whose options are not complete yet.

mod error_groups;
mod interpretation;
mod layout;
mod options;
mod rejected_rows;

use std::io::Cursor;

use devices_domain::{BatchRules, UpsertBatch};

use crate::error::ImportError;
use crate::file::ImportFile;
use crate::limits::ImportLimits;

pub use error_groups::{
    ErrorExample, ErrorGroup, ErrorGroupLimits, ErrorGroups, group_errors, plan_errors,
};
pub use interpretation::{Interpretation, interpret_file};
pub use layout::FileLayout;
pub use options::BatchImportOptions;
pub use rejected_rows::{RejectedFile, rejected_cells, rejected_file, rejected_rows};

/// A file in memory.
pub type FileInMemory = ImportFile<Cursor<Vec<u8>>>;

/// A file that was read.
pub struct ReadFile {
    /// The file, whose rows can be read again.
    pub file: FileInMemory,
    /// Its rows, validated.
    pub batch: UpsertBatch,
    /// Its rows and columns.
    pub layout: FileLayout,
}

/// Reads the rows of a file into a batch, which validates them.
///
/// # Errors
/// The first error of the file as a whole, or of an option that does not fit it. Errors of rows are
/// recorded in the batch.
pub fn read_batch(
    bytes: Vec<u8>,
    options: &BatchImportOptions,
    limits: ImportLimits,
) -> Result<ReadFile, ImportError> {
    let mut file = ImportFile::open(Cursor::new(bytes), &options.file, limits)?;
    let rules = BatchRules {
        max_devices: limits.max_rows,
        ..BatchRules::default()
    };
    let mut batch = UpsertBatch::new(rules, options.batch);
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
