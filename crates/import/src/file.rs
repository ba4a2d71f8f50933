//! A file that is imported.

use std::io::{Read, Seek};
use std::ops::ControlFlow;

use devices_domain::{Field, RawRow, fields};

use crate::columns::Column;
use crate::description::{FileDescription, FileKind, Warning};
use crate::error::ImportError;
use crate::limits::ImportLimits;
use crate::options::ImportOptions;
use crate::parts::{Part, PartBuilder, PartLimits};
use crate::rejected::TextStyle;
use crate::source::Source;
use crate::table::{RowReader, Scan, SourceTraits, Table, find_header};

/// A file whose header and columns are interpreted. Its rows can be read repeatedly.
pub struct ImportFile<R> {
    pub(crate) source: Source<R>,
    pub(crate) description: FileDescription,
    pub(crate) columns: Vec<Column>,
    warnings: Vec<Warning>,
    pub(crate) reader: RowReader,
    pub(crate) given: GivenFormat,
    pub(crate) text_style: TextStyle,
}

/// Properties of the file that the options state.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GivenFormat {
    pub(crate) header_row: bool,
    pub(crate) encoding: bool,
    pub(crate) delimiter: bool,
}

impl<R: Read + Seek> ImportFile<R> {
    /// Reads the file without keeping its rows. Detects its kind and its header, interprets its
    /// columns, and decides the order of day and month of each column of dates.
    ///
    /// # Errors
    /// Returns the first error of the file as a whole, or of the options.
    pub fn open(
        mut reader: R,
        options: &ImportOptions,
        limits: ImportLimits,
    ) -> Result<Self, ImportError> {
        let text_style = TextStyle::detect(&mut reader)?;
        let mut source = Source::open(reader, options, limits)?;
        let traits = SourceTraits {
            is_text: matches!(source.kind(), FileKind::Csv { .. }),
            is_1904: source.is_1904(),
            limits,
        };
        let header_row = find_header(&mut source, options)?;
        let mut scan = Scan::new(header_row, options, traits);
        source.read_rows(|row, cells| scan.push(row, cells).map(|()| true))?;
        let table: Table = scan.finish()?;
        let mut warnings = source.warnings();
        warnings.extend(table.warnings);
        Ok(Self {
            description: FileDescription {
                kind: source.kind().clone(),
                header_row: table.header_row,
                rows: table.rows,
            },
            source,
            columns: table.columns,
            warnings,
            reader: table.reader,
            given: GivenFormat {
                header_row: options.header_row.is_some(),
                encoding: options.encoding.is_some(),
                delimiter: options.delimiter.is_some(),
            },
            text_style,
        })
    }

    /// Returns the detected properties of the file.
    pub fn description(&self) -> &FileDescription {
        &self.description
    }

    /// Returns all columns, in order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Returns the column that provides a field, such as `serial_number` or `attributes.Room`.
    pub fn column_of(&self, field: &str) -> Option<&Column> {
        let mut columns = self.columns.iter();
        columns.find(|column| column.field.as_deref() == Some(field))
    }

    /// Returns the required fields that neither a column, a default nor the name template provides.
    pub fn missing_fields(&self) -> Vec<&'static str> {
        let required = fields().iter().filter(|field| field.is_required());
        let names = required.map(Field::name);
        names.filter(|name| !self.reader.provides(name)).collect()
    }

    /// Returns the warnings.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Reads the rows that have a value, in order. Calls `push` with the number of each row, from 1
    /// as the spreadsheet shows it, and its fields. A value that the spreadsheet damaged is
    /// [`RawValue::Invalid`](devices_domain::RawValue): validation rejects it.
    ///
    /// # Errors
    /// Returns the error of a file that changed since it was opened.
    pub fn read_rows(&mut self, mut push: impl FnMut(u32, &RawRow<'_>)) -> Result<(), ImportError> {
        let reader = &self.reader;
        let header_row = self.description.header_row;
        let mut is_first = true;
        self.source.read_rows(|row, cells| {
            if row > header_row && reader.is_data(cells, is_first) {
                is_first = false;
                push(row, &reader.read(cells));
            }
            Ok(true)
        })
    }

    /// Reads the rows that have a value, as parts of canonical CSV. A part has at most `max_rows`
    /// rows, and `max_bytes` bytes unless it is a single row. Equal files have equal parts. Ends
    /// early if `push` breaks.
    ///
    /// # Errors
    /// Returns the error of a file that changed since it was opened.
    pub fn read_parts(
        &mut self,
        max_rows: usize,
        max_bytes: usize,
        mut push: impl FnMut(Part) -> ControlFlow<()>,
    ) -> Result<(), ImportError> {
        let reader = &self.reader;
        let header_row = self.description.header_row;
        let limits = PartLimits {
            rows: max_rows,
            bytes: max_bytes,
        };
        let mut builder = PartBuilder::new(reader, limits);
        let (mut is_first, mut is_ended) = (true, false);
        self.source.read_rows(|row, cells| {
            if row > header_row && reader.is_data(cells, is_first) {
                is_first = false;
                let complete = builder.push(row, &reader.read(cells));
                is_ended = complete.is_some_and(|part| push(part).is_break());
            }
            Ok(!is_ended)
        })?;
        let last = if is_ended { None } else { builder.finish() };
        if let Some(part) = last {
            // After the last part, there is nothing to end.
            let _ended = push(part);
        }
        Ok(())
    }
}
