//! Rows of cells, read from a file of either kind.

use std::borrow::Cow;
use std::io::{Read, Seek};

use chrono::NaiveDate;

use crate::description::{FileKind, Warning, WarningKind};
use crate::error::{ImportError, OptionError, OptionErrorReason};
use crate::limits::ImportLimits;
use crate::options::ImportOptions;

mod content;
mod error;
mod package;
mod sheet_cells;
mod text;
mod workbook;
mod xml;

use content::Content;
use text::TextFile;
pub(crate) use text::{LegacyDetector, detect_delimiter};
use workbook::Workbook;

/// Value of a cell. Text is not trimmed, and never empty.
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

impl<'a> Cell<'a> {
    /// Returns [`Cell::Empty`] for empty text. Exports write `="0012"` so that a spreadsheet keeps
    /// the zeros: this is the text `0012`.
    pub(crate) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        let text = match text.into() {
            Cow::Borrowed(text) => Cow::Borrowed(protected_text(text).unwrap_or(text)),
            Cow::Owned(text) => Cow::Owned(match protected_text(&text) {
                Some(inner) => inner.to_owned(),
                None => text,
            }),
        };
        if text.is_empty() {
            Self::Empty
        } else {
            Self::Text(text)
        }
    }
}

/// Returns the text within `="..."`.
fn protected_text(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("=\"")?.strip_suffix('"')?;
    (!inner.contains('"')).then_some(inner)
}

/// A file whose kind, encoding, delimiter and sheet are known. Its rows can be read repeatedly.
pub(crate) struct Source<R> {
    file: File<R>,
    kind: FileKind,
    warnings: Vec<Warning>,
}

enum File<R> {
    Text(TextFile<R>),
    Workbook(Box<Workbook<R>>),
}

impl<R: Read + Seek> Source<R> {
    /// Detects the kind of the file, and what only this kind has.
    pub(crate) fn open(
        mut reader: R,
        options: &ImportOptions,
        limits: ImportLimits,
    ) -> Result<Self, ImportError> {
        match content::detect(&mut reader, limits)? {
            Content::Text => {
                if options.sheet.is_some() {
                    let message = "the file is text and has no sheets: leave this option out";
                    return Err(option_error(
                        "/sheet",
                        OptionErrorReason::UnknownSheet,
                        message,
                    ));
                }
                let file = TextFile::open(reader, options, limits)?;
                let kind = file.kind();
                Ok(Self {
                    file: File::Text(file),
                    kind,
                    warnings: Vec::new(),
                })
            }
            Content::Workbook {
                has_merged_cells,
                has_formulas_without_value,
            } => {
                reject_text_options(options)?;
                let mut file = Workbook::open(reader, options.sheet.as_deref(), limits)?;
                if has_merged_cells {
                    file.check_merged_cells()?;
                }
                let kind = file.kind();
                let mut warnings = file.warnings();
                if has_formulas_without_value {
                    warnings.push(formulas_without_value());
                }
                Ok(Self {
                    file: File::Workbook(Box::new(file)),
                    kind,
                    warnings,
                })
            }
        }
    }

    pub(crate) fn kind(&self) -> &FileKind {
        &self.kind
    }

    /// Returns warnings about the layout of the file.
    pub(crate) fn warnings(&self) -> Vec<Warning> {
        self.warnings.clone()
    }

    /// Returns whether the workbook counts days from 1904.
    pub(crate) fn is_1904(&self) -> bool {
        match &self.file {
            File::Text(_) => false,
            File::Workbook(file) => file.is_1904(),
        }
    }

    /// Reads all rows from the beginning. Calls `read_row` with the number of each row, from 1 as
    /// the spreadsheet shows it, and its cells, until it returns `false`. Empty rows may be
    /// missing. There are at most [`ImportLimits::max_columns`] cells.
    ///
    /// The number of rows is not limited: the memory does not depend on it.
    pub(crate) fn read_rows(
        &mut self,
        read_row: impl FnMut(u32, &[Cell<'_>]) -> Result<bool, ImportError>,
    ) -> Result<(), ImportError> {
        match &mut self.file {
            File::Text(file) => file.read_rows(read_row),
            File::Workbook(file) => file.read_rows(read_row),
        }
    }
}

fn formulas_without_value() -> Warning {
    let message = "some formulas have no stored value and are read as empty cells: open the \
        workbook in a spreadsheet program, and save it again";
    Warning {
        kind: WarningKind::Layout,
        message: message.to_owned(),
        column: None,
    }
}

fn reject_text_options(options: &ImportOptions) -> Result<(), ImportError> {
    let message = "the file is a workbook: leave this option out";
    if options.encoding.is_some() {
        return Err(option_error(
            "/encoding",
            OptionErrorReason::Malformed,
            message,
        ));
    }
    if options.delimiter.is_some() {
        return Err(option_error(
            "/delimiter",
            OptionErrorReason::Malformed,
            message,
        ));
    }
    Ok(())
}

fn option_error(
    pointer: &str,
    reason: OptionErrorReason,
    message: impl Into<String>,
) -> ImportError {
    OptionError::new(pointer, reason, message).into()
}

#[cfg(test)]
mod tests;
