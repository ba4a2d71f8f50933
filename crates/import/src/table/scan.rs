//! First reading of a table: finds its header and decides how its columns are read.

use std::ops::ControlFlow;

use super::column_statistics::ColumnStatistics;
use super::row_reader::RowReader;
use super::warnings::{Findings, warnings};
use crate::columns::{Column, Headers, Mapping, Target, describe, is_header_row, map_columns};
use crate::description::Warning;
use crate::error::{FileError, FileErrorReason, ImportError, OptionError, OptionErrorReason};
use crate::limits::ImportLimits;
use crate::options::{ImportOptions, OtherColumns, pointer};
use crate::source::Cell;
use crate::value::{DateStatistics, DecidedOrder, is_blank_cell};

/// Number of rows among which the header is searched.
const MAX_HEADER_ROW: u32 = 20;

/// What is known about a file before its rows are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SourceTraits {
    /// Delimited text, whose rows have as many cells as the header.
    pub(crate) is_text: bool,
    /// Dates are counted from 1904.
    pub(crate) is_1904: bool,
    pub(crate) limits: ImportLimits,
}

/// A table whose columns are interpreted.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) header_row: u32,
    /// Number of rows with a value, without the header.
    pub(crate) rows: usize,
    pub(crate) columns: Vec<Column>,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) reader: RowReader,
}

/// Reads the rows of a file in order. Keeps the first 20 rows, until the header is found, and then
/// only statistics.
pub(crate) struct Scan<'o> {
    options: &'o ImportOptions,
    traits: SourceTraits,
    state: State,
}

enum State {
    /// Rows with a value before the header is found.
    Searching(Vec<(u32, Vec<Cell<'static>>)>),
    Reading(Box<TableScan>),
}

impl<'o> Scan<'o> {
    pub(crate) fn new(options: &'o ImportOptions, traits: SourceTraits) -> Self {
        let state = State::Searching(Vec::new());
        Self {
            options,
            traits,
            state,
        }
    }

    /// Reads a row.
    ///
    /// # Errors
    /// Returns errors of the options and of the header, and that of too many rows.
    pub(crate) fn push(&mut self, row: u32, cells: &[Cell<'_>]) -> Result<(), ImportError> {
        let buffered = match &mut self.state {
            State::Reading(table) => return table.push(row, cells),
            State::Searching(buffered) => buffered,
        };
        match is_header(row, cells, self.options) {
            ControlFlow::Break(true) => self.start(Some((row, cells))),
            ControlFlow::Break(false) => {
                self.start(None)?;
                self.push(row, cells)
            }
            ControlFlow::Continue(()) => {
                if !cells.iter().all(is_blank_cell) {
                    buffered.push((row, cells.iter().map(owned).collect()));
                }
                Ok(())
            }
        }
    }

    /// Starts to read the table under a header: the given row, or the first one with a value. All
    /// rows before the given one are titles.
    fn start(&mut self, header: Option<(u32, &[Cell<'_>])>) -> Result<(), ImportError> {
        let State::Searching(buffered) = &mut self.state else {
            return Ok(());
        };
        let mut buffered = std::mem::take(buffered).into_iter();
        let (options, traits) = (self.options, self.traits);
        let table = match header {
            Some((row, cells)) => TableScan::new(row, cells, options, traits)?,
            None if options.header_row.is_some() => return Err(no_header(options)),
            None => {
                let (row, cells) = buffered.next().ok_or_else(|| no_header(options))?;
                let mut table = TableScan::new(row, &cells, options, traits)?;
                for (row, cells) in buffered {
                    table.push(row, &cells)?;
                }
                table
            }
        };
        self.state = State::Reading(Box::new(table));
        Ok(())
    }

    /// Decides the order of day and month of each column of dates.
    ///
    /// # Errors
    /// Returns errors of the columns, and that of a table without rows.
    pub(crate) fn finish(mut self) -> Result<Table, ImportError> {
        self.start(None)?;
        match self.state {
            State::Reading(table) => table.finish(self.options),
            State::Searching(_) => Err(no_header(self.options)),
        }
    }
}

/// Returns whether a row is the header, or [`Break`](ControlFlow::Break) with `false` if no later
/// row can be it.
fn is_header(row: u32, cells: &[Cell<'_>], options: &ImportOptions) -> ControlFlow<bool> {
    let is_header = match options.header_row {
        Some(header_row) if row > header_row => return ControlFlow::Break(false),
        Some(header_row) => row == header_row,
        None if row > MAX_HEADER_ROW => return ControlFlow::Break(false),
        None => is_header_row(cells, options),
    };
    if is_header {
        ControlFlow::Break(true)
    } else {
        ControlFlow::Continue(())
    }
}

/// Copies a cell.
fn owned(cell: &Cell<'_>) -> Cell<'static> {
    match cell {
        Cell::Text(text) => Cell::Text(text.to_string().into()),
        Cell::Empty => Cell::Empty,
        Cell::Number(number) => Cell::Number(*number),
        Cell::Date(date) => Cell::Date(*date),
        Cell::Boolean(value) => Cell::Boolean(*value),
        Cell::Error => Cell::Error,
    }
}

/// Error of a file without a row that can be the header.
fn no_header(options: &ImportOptions) -> ImportError {
    match options.header_row {
        Some(row) => unknown_header_row(row).into(),
        None => empty("the file has no row with a value").into(),
    }
}

fn unknown_header_row(row: u32) -> OptionError {
    let message = format!("the file has no row {row} with a value: send the number of the header");
    OptionError::new("/header_row", OptionErrorReason::UnknownRow, message)
}

fn empty(message: &str) -> FileError {
    FileError::new(FileErrorReason::Empty, message)
}

/// Reads the rows under a header.
struct TableScan {
    header_row: u32,
    mapping: Mapping,
    reader: RowReader,
    /// Place of each column among [`RowReader::columns`].
    places: Vec<Option<usize>>,
    statistics: Vec<ColumnStatistics>,
    rows: usize,
    repeated_headers: Vec<u32>,
    traits: SourceTraits,
}

impl TableScan {
    fn new(
        header_row: u32,
        cells: &[Cell<'_>],
        options: &ImportOptions,
        traits: SourceTraits,
    ) -> Result<Self, ImportError> {
        if cells.iter().all(is_blank_cell) {
            return Err(unknown_header_row(header_row).into());
        }
        let max_columns = traits.limits.max_columns;
        let mapping = map_columns(Headers::new(cells), options, max_columns)?;
        check_translations(options)?;
        let reader = RowReader::new(&mapping, options, traits)?;
        let mut table = Self {
            header_row,
            places: vec![None; mapping.columns.len()],
            statistics: Vec::new(),
            mapping,
            reader,
            rows: 0,
            repeated_headers: Vec::new(),
            traits,
        };
        table.prepare_statistics();
        Ok(table)
    }

    fn prepare_statistics(&mut self) {
        self.statistics
            .resize_with(self.places.len(), ColumnStatistics::default);
        for (place, column) in self.reader.columns.iter().enumerate() {
            self.places[column.index] = Some(place);
            let statistics = &mut self.statistics[column.index];
            if column.reader.needs_date_order() {
                statistics.dates = Some(DateStatistics::default());
            }
            if column.target.is_field("serial_number") {
                statistics.lengths = Some(Box::default());
            }
        }
    }

    fn push(&mut self, row: u32, cells: &[Cell<'_>]) -> Result<(), ImportError> {
        if cells.iter().all(is_blank_cell) {
            return Ok(());
        }
        if self.reader.is_header_again(cells, self.rows == 0) {
            self.repeated_headers.push(row);
            return Ok(());
        }
        self.rows += 1;
        let max_rows = self.traits.limits.max_rows;
        if self.rows > max_rows {
            let message =
                format!("the file has more than {max_rows} rows: divide it into several files");
            return Err(FileError {
                row: Some(row),
                ..FileError::new(FileErrorReason::TooManyRows, message)
            }
            .into());
        }
        if !self.traits.is_text && cells.len() > self.statistics.len() {
            self.statistics
                .resize_with(cells.len(), ColumnStatistics::default);
            self.places.resize(cells.len(), None);
        }
        let columns = self.statistics.iter_mut().zip(&self.places);
        for ((statistics, place), cell) in columns.zip(cells) {
            if !is_blank_cell(cell) {
                let reader = place.map(|place| &self.reader.columns[place].reader);
                statistics.add(row, cell, reader);
            }
        }
        Ok(())
    }

    fn finish(mut self, options: &ImportOptions) -> Result<Table, ImportError> {
        self.mapping.extend_to(self.statistics.len());
        if options.other_columns == OtherColumns::Error {
            self.reject_other_columns()?;
        }
        if self.rows == 0 {
            return Err(empty("the file has a header, but no row below it").into());
        }
        self.decide_date_orders()?;
        let columns = self.columns();
        let findings = Findings {
            options,
            mapping: &self.mapping,
            statistics: &self.statistics,
            repeated_headers: &self.repeated_headers,
        };
        Ok(Table {
            header_row: self.header_row,
            rows: self.rows,
            warnings: warnings(&findings),
            columns,
            reader: self.reader,
        })
    }

    fn columns(&self) -> Vec<Column> {
        let assigned = self.mapping.headers.iter().zip(&self.mapping.columns);
        let columns = assigned.zip(&self.statistics).enumerate();
        let columns = columns.map(|(index, ((header, assignment), statistics))| Column {
            index,
            header: header.text.clone(),
            name: header.name.clone(),
            samples: statistics.samples.clone(),
            field: assignment.target.as_ref().map(Target::to_string),
            by: assignment.by,
        });
        columns.collect()
    }

    fn reject_other_columns(&self) -> Result<(), FileError> {
        let columns = self.mapping.columns.iter().enumerate();
        let others = columns.filter(|(index, column)| {
            let is_used = column.target.is_some() || column.left_out;
            let header = &self.mapping.headers.get(*index).text;
            !is_used && (!header.is_empty() || self.statistics[*index].has_values)
        });
        let others: Vec<usize> = others.map(|(index, _)| index).collect();
        if others.is_empty() {
            return Ok(());
        }
        let message = format!(
            "no field is known for {}: map each to a field or to no field",
            self.describe_all(&others)
        );
        Err(FileError {
            columns: others
                .iter()
                .map(|index| self.mapping.error_column(*index))
                .collect(),
            ..FileError::new(FileErrorReason::UnknownColumn, message)
        })
    }

    fn decide_date_orders(&mut self) -> Result<(), FileError> {
        let mut ambiguous = Vec::new();
        for column in &mut self.reader.columns {
            let Some(dates) = &self.statistics[column.index].dates else {
                continue;
            };
            match dates.decide() {
                DecidedOrder::NotNeeded => {}
                DecidedOrder::Decided(order) => column.reader.set_date_order(order),
                undecided => ambiguous.push((column.index, undecided)),
            }
        }
        let Some((_, first)) = ambiguous.first() else {
            return Ok(());
        };
        let indexes: Vec<usize> = ambiguous.iter().map(|(index, _)| *index).collect();
        let (row, why) = match first {
            DecidedOrder::Contradictory(day, month) if day == month => {
                (*day, format!("neither order fits row {day}"))
            }
            DecidedOrder::Contradictory(day, month) => (
                (*day).max(*month),
                format!("row {day} has the day first, and row {month} the month"),
            ),
            DecidedOrder::Undecided(row) => (
                *row,
                format!("row {row} can be read both ways, and no row shows the order"),
            ),
            // Neither is ambiguous.
            DecidedOrder::NotNeeded | DecidedOrder::Decided(_) => return Ok(()),
        };
        let message = format!(
            "{} has dates whose order of day and month is not clear ({why}): set `date_format` to \
             `DD/MM/YYYY` or `MM/DD/YYYY`",
            self.describe_all(&indexes)
        );
        Err(FileError {
            columns: indexes
                .iter()
                .map(|index| self.mapping.error_column(*index))
                .collect(),
            row: Some(row),
            ..FileError::new(FileErrorReason::AmbiguousDate, message)
        })
    }

    /// Names columns for a message, at most five of them.
    fn describe_all(&self, columns: &[usize]) -> String {
        const MAX_NAMED: usize = 5;

        let named = columns.iter().take(MAX_NAMED);
        let mut text: Vec<_> = named
            .map(|index| describe(&self.mapping.headers, *index))
            .collect();
        if columns.len() > MAX_NAMED {
            text.push(format!("{} more", columns.len() - MAX_NAMED));
        }
        text.join(", ")
    }
}

/// Rejects translations of the values of unknown fields.
fn check_translations(options: &ImportOptions) -> Result<(), OptionError> {
    for name in options.values.keys() {
        Target::parse(name).map_err(|error| {
            let pointer = pointer(&["values", name]);
            OptionError::new(pointer, OptionErrorReason::UnknownField, error.0)
        })?;
    }
    Ok(())
}
