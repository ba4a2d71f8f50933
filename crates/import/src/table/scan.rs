//! First reading of a table: decides how its columns are read.

use super::column_statistics::ColumnStatistics;
use super::date_orders::decide_date_orders;
use super::row_reader::RowReader;
use super::warnings::{Findings, warnings};
use crate::columns::{Column, Headers, Mapping, Target, describe_all, map_columns};
use crate::description::Warning;
use crate::error::{FileError, FileErrorReason, ImportError, OptionError, OptionErrorReason};
use crate::limits::ImportLimits;
use crate::options::{ImportOptions, OtherColumns, pointer};
use crate::source::Cell;
use crate::value::{DateStatistics, is_blank_cell};

/// Properties of a file that its rows do not show.
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

/// Reads the rows of a file in order. Keeps statistics, and no rows.
pub(crate) struct Scan<'o> {
    header_row: u32,
    options: &'o ImportOptions,
    traits: SourceTraits,
    /// The table, from its header on.
    table: Option<TableScan>,
}

impl<'o> Scan<'o> {
    pub(crate) fn new(header_row: u32, options: &'o ImportOptions, traits: SourceTraits) -> Self {
        Self {
            header_row,
            options,
            traits,
            table: None,
        }
    }

    /// Reads a row. All rows before the header are titles.
    ///
    /// # Errors
    /// Returns errors of the options and of the header, and that of too many rows.
    pub(crate) fn push(&mut self, row: u32, cells: &[Cell<'_>]) -> Result<(), ImportError> {
        if row < self.header_row {
            return Ok(());
        }
        if row == self.header_row {
            self.table = Some(TableScan::new(row, cells, self.options, self.traits)?);
            return Ok(());
        }
        self.table()?.push(row, cells)
    }

    fn table(&mut self) -> Result<&mut TableScan, OptionError> {
        let row = self.header_row;
        self.table.as_mut().ok_or_else(|| unknown_header_row(row))
    }

    /// Decides the order of day and month of each column of dates.
    ///
    /// # Errors
    /// Returns errors of the columns, and that of a table without rows.
    pub(crate) fn finish(self) -> Result<Table, ImportError> {
        match self.table {
            Some(table) => table.finish(self.options),
            None => Err(unknown_header_row(self.header_row).into()),
        }
    }
}

fn unknown_header_row(row: u32) -> OptionError {
    let message = format!("the file has no row {row} with a value: send the number of the header");
    OptionError::new("/header_row", OptionErrorReason::UnknownRow, message)
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
            let message = "the file has a header, but no row below it";
            return Err(FileError::new(FileErrorReason::Empty, message).into());
        }
        decide_date_orders(&mut self.reader, &self.statistics, &self.mapping)?;
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
            date_format: self.places[index]
                .and_then(|place| self.reader.columns[place].reader.date_format()),
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
            describe_all(&self.mapping.headers, &others)
        );
        Err(FileError {
            columns: others
                .iter()
                .map(|index| self.mapping.error_column(*index))
                .collect(),
            ..FileError::new(FileErrorReason::UnknownColumn, message)
        })
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
