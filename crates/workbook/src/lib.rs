//! Writer of Excel workbooks (`.xlsx`) with one sheet, as a stream.
//!
//! `rust_xlsxwriter` holds all cells in memory, or needs a temporary file, which a container with a
//! read-only file system does not have. A workbook with one sheet needs neither.

mod cell;
mod reference;
mod writer;
mod xml;

pub use cell::{Cell, Style, Value};
pub use reference::column_letters;
pub use writer::WorkbookWriter;

/// Maximum number of rows of a sheet.
pub const MAX_ROWS: u32 = 1_048_576;

/// Maximum length of a text in a cell, in UTF-16 code units.
pub const MAX_CELL_LENGTH: usize = 32_767;
