//! Reads the cells of a workbook as a stream.
//!
//! calamine's `worksheet_range` allocates the whole rectangle of the cells: two cells far apart
//! request 549 GB. `worksheet_cells_reader` holds one cell at a time.

use std::io::{Read, Seek};

use calamine::{Dimensions, Reader, Sheet, SheetType, SheetVisible, Xlsx};

use super::error::too_many_columns;
use super::sheet_cells::{SheetCells, guard};
use super::{Cell, option_error};
use crate::description::{FileKind, Warning, WarningKind};
use crate::error::{FileError, FileErrorReason, ImportError, OptionErrorReason};
use crate::limits::ImportLimits;
use crate::text::{quote, shorten};

/// Maximum number of sheets that are searched for the first one with rows. Bounds the time: many
/// sheets may refer to the same large part.
const MAX_SEARCHED_SHEETS: usize = 16;
/// Number of columns of a sheet.
const MAX_COLUMNS: usize = 16_384;
/// Maximum number of sheets that are listed.
const MAX_LISTED_SHEETS: usize = 100;
/// Maximum number of sheets that a message names.
const MAX_NAMED_SHEETS: usize = 3;
/// Maximum size of the texts of a sheet, as a multiple of the maximum size of the workbook.
const MAX_TEXT_RATIO: u64 = 4;

/// A workbook and the sheet that is read.
pub(super) struct Workbook<R> {
    file: Xlsx<R>,
    sheet: String,
    sheets: Vec<String>,
    warnings: Vec<Warning>,
    max_columns: usize,
    max_text_bytes: u64,
}

impl<R: Read + Seek> Workbook<R> {
    /// Opens a workbook whose inflated size is within the limit. Without a name, chooses the first
    /// visible sheet with values.
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
            None => first_sheet_with_values(&mut file, &sheets)?,
        };
        let listed = sheets.iter().take(MAX_LISTED_SHEETS);
        Ok(Self {
            file,
            sheet,
            sheets: listed.map(|sheet| shorten(&sheet.name)).collect(),
            warnings,
            max_columns: limits.max_columns.min(MAX_COLUMNS),
            max_text_bytes: limits.max_inflated_bytes.saturating_mul(MAX_TEXT_RATIO),
        })
    }

    pub(super) fn kind(&self) -> FileKind {
        FileKind::Xlsx {
            sheet: shorten(&self.sheet),
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
        let mut stream = SheetCells::open(&mut self.file, &self.sheet, self.max_text_bytes)?;
        let mut row = 0;
        let mut cells = Vec::new();
        while let Some((cell_row, column, cell)) = stream.next()? {
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
    let folded = name.trim().to_lowercase();
    let sheet = exact.or_else(|| {
        let mut sheets = sheets.iter();
        sheets.find(|sheet| sheet.name.trim().to_lowercase() == folded)
    });
    sheet.map(|sheet| sheet.name.clone()).ok_or_else(|| {
        let names = sheets.iter().take(10).map(|sheet| quote(&sheet.name));
        let names: Vec<_> = names.collect();
        let message = format!(
            "the workbook has no sheet {}: it has {}",
            quote(name),
            names.join(", ")
        );
        option_error("/sheet", OptionErrorReason::UnknownSheet, message)
    })
}

/// Returns the first visible sheet with values, and warnings about the others.
fn first_sheet_with_values<R: Read + Seek>(
    workbook: &mut Xlsx<R>,
    sheets: &[Sheet],
) -> Result<(String, Vec<Warning>), ImportError> {
    let (visible, hidden): (Vec<_>, Vec<_>) = sheets
        .iter()
        .partition(|sheet| sheet.visible == SheetVisible::Visible);
    let mut visible = visible.into_iter().take(MAX_SEARCHED_SHEETS);
    let mut first = None;
    for sheet in visible.by_ref() {
        if has_values(workbook, sheet)? {
            first = Some(sheet.name.clone());
            break;
        }
    }
    let Some(first) = first else {
        let message = if hidden.is_empty() {
            "the workbook has no values"
        } else {
            "the visible sheets have no values: name a hidden one with `sheet`"
        };
        return Err(FileError::new(FileErrorReason::Empty, message).into());
    };
    let mut warnings = Vec::new();
    if !hidden.is_empty() {
        let message = "hidden sheets are not read: name one with `sheet` to read it";
        warnings.push(layout_warning(message.to_owned()));
    }
    // The errors of a sheet that is not read do not matter.
    let others = visible.filter(|sheet| has_values(workbook, sheet).unwrap_or(false));
    warnings.extend(unread_sheets(&others.collect::<Vec<_>>()));
    Ok((first, warnings))
}

fn has_values<R: Read + Seek>(workbook: &mut Xlsx<R>, sheet: &Sheet) -> Result<bool, ImportError> {
    let mut cells = SheetCells::open(workbook, &sheet.name, u64::MAX)?;
    Ok(cells.next()?.is_some())
}

/// Warns about sheets with values that are not read.
fn unread_sheets(sheets: &[&Sheet]) -> Option<Warning> {
    let named = sheets.iter().take(MAX_NAMED_SHEETS);
    let mut names: Vec<_> = named.map(|sheet| quote(&sheet.name)).collect();
    if sheets.len() > MAX_NAMED_SHEETS {
        names.push(format!("{} more", sheets.len() - MAX_NAMED_SHEETS));
    }
    let message = format!(
        "other sheets with values are not read: {}: name one with `sheet` to read it",
        names.join(", ")
    );
    (!sheets.is_empty()).then(|| layout_warning(message))
}

fn layout_warning(message: String) -> Warning {
    Warning {
        kind: WarningKind::Layout,
        message,
        column: None,
    }
}
