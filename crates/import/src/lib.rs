#![doc = include_str!("../README.md")]

mod batch;
mod columns;
mod description;
mod error;
mod file;
mod limits;
mod options;
mod parts;
mod rejected;
mod source;
mod table;
mod text;
mod value;

pub use batch::{
    BatchImportOptions, ErrorExample, ErrorGroup, ErrorGroupLimits, ErrorGroups, FileInMemory,
    FileLayout, Interpretation, ReadFile, RejectedFile, group_errors, interpret_file, plan_errors,
    read_batch, rejected_cells, rejected_file, rejected_rows,
};
pub use columns::{Column, MatchedBy, column_letters};
pub use description::{FileDescription, FileKind, Warning, WarningKind};
pub use error::{
    ErrorColumn, FileError, FileErrorReason, ImportError, OptionError, OptionErrorReason,
};
pub use file::ImportFile;
pub use limits::ImportLimits;
pub use options::{DateFormat, DecimalMark, ImportOptions, OtherColumns};
pub use parts::Part;
pub use rejected::{RejectedCell, RejectedFormat};
