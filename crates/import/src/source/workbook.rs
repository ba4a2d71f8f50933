//! Reads the cells of a workbook as a stream.
//!
//! calamine's `worksheet_range` allocates the whole rectangle of the cells: two cells far apart
//! request 549 GB. `worksheet_cells_reader` holds one cell at a time.

use std::io::{Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{
    DataRef, Dimensions, ExcelDateTime, Reader, Sheet, SheetType, SheetVisible, Xlsx,
    XlsxCellReader, XlsxError,
};
use chrono::NaiveDate;

use super::error::{damaged_workbook, encrypted, too_many_columns, workbook_io};
use super::{Cell, option_error};
use crate::description::{FileKind, Warning, WarningKind};
use crate::error::{FileError, FileErrorReason, ImportError, OptionErrorReason};
use crate::limits::ImportLimits;

/// Maximum number of sheets that are searched for the first one with rows. Bounds the time: many
/// sheets may refer to the same large part.
const MAX_SEARCHED_SHEETS: usize = 16;
/// Last row of a sheet.
const MAX_ROW: u32 = 1_048_576;
/// Number of columns of a sheet.
const MAX_COLUMNS: usize = 16_384;
/// First serial number after 9999-12-31.
const END_OF_DATES: f64 = 2_958_466.0;

/// A workbook and the sheet that is read.
pub(super) struct Workbook<R> {
    file: Xlsx<R>,
    sheet: String,
    sheets: Vec<String>,
    warnings: Vec<Warning>,
    max_columns: usize,
}

impl<R: Read + Seek> Workbook<R> {
    /// Opens a workbook whose inflated size is within the limit. Without a name, chooses the first
    /// visible sheet with rows.
    pub(super) fn open(
        reader: R,
        sheet: Option<&str>,
        limits: ImportLimits,
    ) -> Result<Self, ImportError> {
        let mut file = guard(|| Xlsx::new(reader))?;
        let mut sheets = file.sheets_metadata().to_vec();
        sheets.retain(|sheet| sheet.typ == SheetType::WorkSheet);
        let (sheet, warnings) = match sheet {
            Some(name) => (named_sheet(&sheets, name)?, Vec::new()),
            None => first_sheet_with_rows(&mut file, &sheets)?,
        };
        Ok(Self {
            file,
            sheet,
            sheets: sheets.into_iter().map(|sheet| sheet.name).collect(),
            warnings,
            max_columns: limits.max_columns.min(MAX_COLUMNS),
        })
    }

    pub(super) fn kind(&self) -> FileKind {
        FileKind::Xlsx {
            sheet: self.sheet.clone(),
            sheets: self.sheets.clone(),
        }
    }

    pub(super) fn is_1904(&self) -> bool {
        self.file.has_1904_epoch()
    }

    pub(super) fn warnings(&self) -> Vec<Warning> {
        self.warnings.clone()
    }

    /// Adds a warning if cells of several rows are merged: all but the first of them are empty.
    pub(super) fn check_merged_cells(&mut self) -> Result<(), ImportError> {
        let merged = guard(|| self.file.merge_cells_by_sheet_name(&self.sheet))?;
        let are_read = |cells: &&Dimensions| {
            cells.end.0 > cells.start.0 && (cells.start.1 as usize) < self.max_columns
        };
        if let Some(cells) = merged.iter().filter(are_read).min() {
            let row = u64::from(cells.start.0) + 1;
            self.warnings.push(Warning {
                kind: WarningKind::Layout,
                message: format!(
                    "cells are merged across rows, first in row {row}: only the first of these \
                     rows has the value"
                ),
                column: Some(cells.start.1 as usize),
            });
        }
        Ok(())
    }

    /// Implements [`Source::read_rows`](super::Source::read_rows).
    pub(super) fn read_rows(
        &mut self,
        mut read_row: impl FnMut(u32, &[Cell<'_>]) -> Result<bool, ImportError>,
    ) -> Result<(), ImportError> {
        let mut reader = cells_reader(&mut self.file, &self.sheet)?;
        let mut row = 0;
        let mut cells = Vec::new();
        while let Some((cell_row, column, cell)) = next_cell(&mut reader, row)? {
            if cell_row != row {
                if !cells.is_empty() && !read_row(row, &cells)? {
                    return Ok(());
                }
                cells.clear();
                row = cell_row;
            }
            if column >= self.max_columns {
                return Err(too_many_columns(row, self.max_columns).into());
            }
            if column >= cells.len() {
                cells.resize(column + 1, Cell::Empty);
            }
            cells[column] = cell;
        }
        if !cells.is_empty() {
            read_row(row, &cells)?;
        }
        Ok(())
    }
}

fn named_sheet(sheets: &[Sheet], name: &str) -> Result<String, ImportError> {
    let exact = sheets.iter().find(|sheet| sheet.name == name);
    let sheet = exact.or_else(|| {
        let mut sheets = sheets.iter();
        sheets.find(|sheet| sheet.name.trim().to_lowercase() == name.trim().to_lowercase())
    });
    sheet.map(|sheet| sheet.name.clone()).ok_or_else(|| {
        let names: Vec<_> = sheets
            .iter()
            .take(10)
            .map(|sheet| format!("`{}`", sheet.name))
            .collect();
        let names = names.join(", ");
        option_error(
            "/sheet",
            OptionErrorReason::UnknownSheet,
            format!("the workbook has no sheet `{name}`: it has {names}"),
        )
    })
}

fn first_sheet_with_rows<R: Read + Seek>(
    workbook: &mut Xlsx<R>,
    sheets: &[Sheet],
) -> Result<(String, Vec<Warning>), ImportError> {
    let (visible, hidden): (Vec<_>, Vec<_>) = sheets
        .iter()
        .partition(|sheet| sheet.visible == SheetVisible::Visible);
    let mut warnings = Vec::new();
    if !hidden.is_empty() {
        warnings.push(Warning {
            kind: WarningKind::Layout,
            message: "hidden sheets are not read: name one with `sheet` to read it".to_owned(),
            column: None,
        });
    }
    for sheet in visible.into_iter().take(MAX_SEARCHED_SHEETS) {
        let mut reader = cells_reader(workbook, &sheet.name)?;
        if next_cell(&mut reader, 0)?.is_some() {
            return Ok((sheet.name.clone(), warnings));
        }
    }
    let message = if hidden.is_empty() {
        "the workbook has no values"
    } else {
        "the visible sheets have no values: name a hidden one with `sheet`"
    };
    Err(FileError::new(FileErrorReason::Empty, message).into())
}

fn cells_reader<'a, R: Read + Seek>(
    workbook: &'a mut Xlsx<R>,
    sheet: &str,
) -> Result<XlsxCellReader<'a, R>, ImportError> {
    guard(|| workbook.worksheet_cells_reader(sheet))
}

/// Returns the next cell with a value, with its row from 1 and its column from 0. Rows before
/// `min_row` and after the last possible one are errors.
fn next_cell<'a, R: Read + Seek>(
    reader: &mut XlsxCellReader<'a, R>,
    min_row: u32,
) -> Result<Option<(u32, usize, Cell<'a>)>, ImportError> {
    loop {
        let Some(cell) = guard(|| reader.next_cell())? else {
            return Ok(None);
        };
        let (row, column) = cell.get_position();
        let row = row.saturating_add(1);
        match convert(cell.get_value()) {
            Cell::Empty => {}
            _ if row < min_row || row > MAX_ROW => return Err(damaged_workbook().into()),
            cell => return Ok(Some((row, column as usize, cell))),
        }
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

/// Turns errors and panics of calamine into errors of the file. calamine 0.38 panics on some
/// damaged references of cells if the program checks for overflows.
fn guard<T>(read: impl FnOnce() -> Result<T, XlsxError>) -> Result<T, ImportError> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(result) => result.map_err(workbook_error),
        Err(_) => Err(damaged_workbook().into()),
    }
}

fn workbook_error(error: XlsxError) -> ImportError {
    match error {
        XlsxError::Password => encrypted().into(),
        XlsxError::Io(error) => workbook_io(error),
        _ => damaged_workbook().into(),
    }
}
