//! Cells of a sheet, as a stream.

use std::io::{Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{DataRef, ExcelDateTime, Xlsx, XlsxCellReader, XlsxError};
use chrono::NaiveDate;
use devices_workbook::{MAX_CELL_LENGTH, MAX_ROWS};

use super::Cell;
use super::error::{damaged_workbook, encrypted, in_row, workbook_io};
use crate::columns::{column_letters, unnamed};
use crate::error::{ErrorColumn, FileError, FileErrorReason, ImportError};
use crate::value::FIRST_INEXACT;

/// Longest number format that is examined. Programs write far shorter ones for numbers.
const MAX_FORMAT_BYTES: usize = 64;
/// First serial number after 9999-12-31.
const END_OF_DATES: f64 = 2_958_466.0;

/// Cells of a sheet that have a value, as a stream. Holds one cell at a time.
pub(super) struct SheetCells<'a, R: Read + Seek> {
    reader: XlsxCellReader<'a, R>,
    /// Row of the last cell, from 1.
    row: u32,
    /// Maximum size of all texts. Many cells may refer to one long text.
    max_text_bytes: u64,
    text_bytes: u64,
}

impl<'a, R: Read + Seek> SheetCells<'a, R> {
    pub(super) fn open(
        workbook: &'a mut Xlsx<R>,
        sheet: &str,
        max_text_bytes: u64,
    ) -> Result<Self, ImportError> {
        let reader = guard(|| workbook.worksheet_cells_reader(sheet))?;
        Ok(Self {
            reader,
            row: 0,
            max_text_bytes,
            text_bytes: 0,
        })
    }

    /// Returns the next cell with a value, with its row from 1 and its column from 0.
    ///
    /// # Errors
    /// Rejects rows before the last one and after the last possible one, and texts that no
    /// spreadsheet program holds.
    pub(super) fn next(&mut self) -> Result<Option<(u32, usize, Cell<'a>)>, ImportError> {
        loop {
            let read = catch_panic(|| self.reader.next_cell_with_style_id());
            let next = read.map_err(|error| self.cell_error(error))?;
            let Some((cell, style)) = next else {
                return Ok(None);
            };
            let (row, column) = cell.get_position();
            let (row, column) = (row.saturating_add(1), column as usize);
            let cell = match convert(cell.get_value()) {
                Cell::Empty => continue,
                _ if row < self.row || row > MAX_ROWS => return Err(damaged_workbook().into()),
                Cell::Number(number) => self.format_number(number, style),
                cell => cell,
            };
            self.row = row;
            if let Cell::Text(text) = &cell {
                self.check_text(text, column)?;
            }
            return Ok(Some((row, column, cell)));
        }
    }

    /// Returns a whole number with the leading zeros that a format such as `00000` shows.
    fn format_number(&self, number: f64, style: usize) -> Cell<'a> {
        let style = self.reader.styles().get(style);
        let format = style.and_then(|style| style.number_format.as_ref());
        let code = format.map_or("", |format| format.format_code.as_str());
        if code.len() > MAX_FORMAT_BYTES {
            return Cell::Number(number);
        }
        // The other sections are those of negative numbers, zero and text.
        let shown = code.split(';').next().unwrap_or_default();
        let width = shown.len();
        let is_whole = number.fract() == 0.0 && (0.0..FIRST_INEXACT).contains(&number);
        if !is_whole || width == 0 || !shown.bytes().all(|byte| byte == b'0') {
            return Cell::Number(number);
        }
        let text = format!("{number:0width$}");
        if text.starts_with('0') && width > 1 {
            Cell::Text(text.into())
        } else {
            Cell::Number(number)
        }
    }

    fn check_text(&mut self, text: &str, column: usize) -> Result<(), FileError> {
        let row = self.row;
        if text.len() > MAX_CELL_LENGTH && text.encode_utf16().count() > MAX_CELL_LENGTH {
            let message = format!(
                "row {row} has more than {MAX_CELL_LENGTH} characters in column {}: shorten them",
                column_letters(column)
            );
            return Err(FileError {
                columns: vec![ErrorColumn {
                    index: column,
                    header: String::new(),
                    name: unnamed(column),
                }],
                ..in_row(FileErrorReason::Damaged, row, message)
            });
        }
        self.text_bytes += text.len() as u64;
        if self.text_bytes > self.max_text_bytes {
            let message = format!(
                "the texts of the sheet have more than {} MiB: split it, or shorten them",
                self.max_text_bytes >> 20
            );
            return Err(in_row(FileErrorReason::TooLarge, row, message));
        }
        Ok(())
    }

    /// Converts an error of reading a cell. calamine does not know the error values of newer
    /// spreadsheet programs, and then does not tell the position of the cell.
    fn cell_error(&self, error: XlsxError) -> ImportError {
        let XlsxError::CellError(_) = error else {
            return workbook_error(error);
        };
        let row = self.row.max(1);
        let message = format!(
            "a cell in row {row} or below has an error such as #SPILL! or #CALC!: enter the value \
             instead"
        );
        FileError::new(FileErrorReason::Damaged, message).into()
    }
}

fn convert<'a>(value: &DataRef<'a>) -> Cell<'a> {
    match value {
        DataRef::Empty => Cell::Empty,
        DataRef::Int(number) => Cell::Number(*number as f64),
        DataRef::Float(number) => Cell::Number(*number),
        DataRef::SharedString(text) => Cell::text(*text),
        DataRef::String(text) | DataRef::DurationIso(text) => Cell::text(text.clone()),
        DataRef::Bool(boolean) => Cell::Boolean(*boolean),
        DataRef::DateTime(date) => convert_date(*date),
        DataRef::DateTimeIso(text) => convert_iso_date(text),
        DataRef::Error(_) => Cell::Error,
    }
}

/// Returns the day of a date. A duration and a time of day are numbers.
fn convert_date(date: ExcelDateTime) -> Cell<'static> {
    let number = date.as_f64();
    if date.is_duration() || (0.0..1.0).contains(&number) {
        return Cell::Number(number);
    }
    if !(1.0..END_OF_DATES).contains(&number) {
        return Cell::Error;
    }
    let (year, month, day, ..) = date.to_ymd_hms_milli();
    // 1900-02-29 is a day of the 1900 system only.
    NaiveDate::from_ymd_opt(year.into(), month.into(), day.into()).map_or(Cell::Error, Cell::Date)
}

fn convert_iso_date(text: &str) -> Cell<'static> {
    let day = text.get(..10).unwrap_or(text);
    day.parse()
        .map_or_else(|_| Cell::text(text.to_owned()), Cell::Date)
}

/// Turns errors and panics of calamine into errors of the file.
pub(super) fn guard<T>(read: impl FnOnce() -> Result<T, XlsxError>) -> Result<T, ImportError> {
    catch_panic(read).map_err(workbook_error)
}

/// Turns a panic into an error. calamine 0.38 panics on some damaged references of cells if the
/// program checks for overflows.
fn catch_panic<T>(read: impl FnOnce() -> Result<T, XlsxError>) -> Result<T, XlsxError> {
    let caught = catch_unwind(AssertUnwindSafe(read));
    caught.unwrap_or(Err(XlsxError::Unexpected("a readable cell")))
}

fn workbook_error(error: XlsxError) -> ImportError {
    match error {
        XlsxError::Password => encrypted().into(),
        XlsxError::Io(error) => workbook_io(error),
        _ => damaged_workbook().into(),
    }
}
