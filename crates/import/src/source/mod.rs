//! Rows of cells, read from a file of either kind.

use std::borrow::Cow;
use std::io::{Read, Seek};

use chrono::NaiveDate;

use crate::description::FileKind;
use crate::error::ImportError;
use crate::limits::ImportLimits;
use crate::options::ImportOptions;

/// Value of a cell. Text is not trimmed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell<'a> {
    /// No value.
    Empty,
    /// Text.
    Text(Cow<'a, str>),
    /// A number of a workbook.
    Number(f64),
    /// A date of a workbook, in the 1900 or the 1904 system.
    Date(NaiveDate),
    /// A boolean of a workbook.
    Boolean(bool),
    /// An error value of a workbook, such as `#REF!`, or a date out of range.
    Error,
}

/// A file whose kind, encoding, delimiter and sheet are known. Its rows can be read repeatedly.
pub(crate) struct Source<R> {
    reader: R,
    kind: FileKind,
}

impl<R: Read + Seek> Source<R> {
    /// Detects the kind of the file, and what only this kind has.
    pub(crate) fn open(
        _reader: R,
        _options: &ImportOptions,
        _limits: ImportLimits,
    ) -> Result<Self, ImportError> {
        unimplemented!()
    }

    pub(crate) fn kind(&self) -> &FileKind {
        &self.kind
    }

    /// Reads all rows from the beginning. Calls `read_row` with the number of each row, from 1 as
    /// the spreadsheet shows it, and its cells, until it returns `false`. Empty rows at the end may
    /// be missing; empty rows in between may be missing in a workbook. The cells are at most
    /// [`ImportLimits::max_columns`].
    pub(crate) fn read_rows(
        &mut self,
        _read_row: impl FnMut(u32, &[Cell<'_>]) -> Result<bool, ImportError>,
    ) -> Result<(), ImportError> {
        let _ = &mut self.reader;
        unimplemented!()
    }
}
