//! Files of rejected rows, which are corrected and imported again.

mod csv_rows;
mod encoded;
mod workbook;
mod xml;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Seek, Write};

use csv_rows::CsvRows;
use encoded::Encoded;
use workbook::WorkbookRows;

use crate::columns::{Column, ERROR_HEADER};
use crate::description::FileKind;
use crate::error::ImportError;
use crate::file::ImportFile;
use crate::source::Cell;
use crate::table::RowReader;
use crate::value::display_text;

/// Format of a file of rejected rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectedFormat {
    /// Text, in the encoding and with the delimiter of the file (UTF-8 and `,` for a workbook).
    Csv,
    /// A workbook with every cell as text. Invalid cells are marked.
    Xlsx,
}

/// An error of a row, for the file of rejected rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedCell {
    /// Index of the invalid column, from 0. `None`: the row as a whole.
    pub column: Option<usize>,
    /// Text for the column `Error`.
    pub message: String,
}

/// Writes rows to a file.
trait RowWriter {
    /// Writes the row with this number: the cells, of which some are marked.
    fn write(&mut self, row: u32, cells: &[OutputCell<'_>]) -> io::Result<()>;

    /// Writes the end of the file.
    fn finish(self) -> io::Result<()>;
}

/// Cell of a file of rejected rows.
struct OutputCell<'a> {
    text: Cow<'a, str>,
    style: Style,
}

/// Style of a cell in a workbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Header,
    /// An invalid cell.
    Marked,
}

impl<R: Read + Seek> ImportFile<R> {
    /// Writes the rows with errors, by row number, in the file's own columns and order, with a last
    /// column `Error`. An import ignores this column.
    ///
    /// An import of the written file with the same options reads the same values. A date such as
    /// `03/04/2024` is written as `2024-04-03` if only other rows show its order.
    ///
    /// # Errors
    /// Returns the error of the output, or of a file that changed since it was opened.
    pub fn write_rejected_rows(
        &mut self,
        errors: &BTreeMap<u32, Vec<RejectedCell>>,
        format: RejectedFormat,
        output: impl Write + Send,
    ) -> Result<(), ImportError> {
        match format {
            RejectedFormat::Csv => {
                let (encoding, delimiter) = match self.description.kind {
                    FileKind::Csv {
                        encoding,
                        delimiter,
                    } => (encoding, delimiter),
                    FileKind::Xlsx { .. } => ("UTF-8", ','),
                };
                let output = Encoded::new(output, encoding, self.has_byte_order_mark)?;
                self.write_rows(errors, CsvRows::new(output, delimiter))
            }
            RejectedFormat::Xlsx => {
                let sheet = match &self.description.kind {
                    FileKind::Xlsx { sheet, .. } => sheet.as_str(),
                    FileKind::Csv { .. } => "Rejected rows",
                };
                let header_row = self.first_row_number();
                let writer = WorkbookRows::new(output, sheet, header_row)?;
                self.write_rows(errors, writer)
            }
        }
    }

    /// Returns the number of the header row in the written file. A header that the options number
    /// keeps its place, so that they fit the written file, too.
    fn first_row_number(&self) -> u32 {
        if self.has_given_header {
            self.description.header_row
        } else {
            1
        }
    }

    fn write_rows(
        &mut self,
        errors: &BTreeMap<u32, Vec<RejectedCell>>,
        mut writer: impl RowWriter,
    ) -> Result<(), ImportError> {
        let layout = Layout::new(&self.columns, &self.reader);
        let header_row = self.description.header_row;
        let mut next_row = self.first_row_number();
        let keeps_titles = self.has_given_header;
        self.source.read_rows(|row, cells| {
            if row < header_row {
                if keeps_titles {
                    writer.write(row, &layout.title(cells))?;
                }
            } else if row == header_row {
                writer.write(next_row, &layout.header(cells))?;
                next_row += 1;
            } else if let Some(errors) = errors.get(&row) {
                writer.write(next_row, &layout.rejected(cells, errors))?;
                next_row += 1;
            }
            Ok(true)
        })?;
        writer.finish()?;
        Ok(())
    }
}

/// Columns of the written file: those of the file without messages of an earlier import, and the
/// column `Error`.
struct Layout<'a> {
    reader: &'a RowReader,
    /// Number of columns of the file.
    width: usize,
    /// Columns with messages of an earlier import.
    left_out: BTreeSet<usize>,
}

impl<'a> Layout<'a> {
    fn new(columns: &[Column], reader: &'a RowReader) -> Self {
        let left_out = columns.iter().filter(|column| column.is_error_column());
        Self {
            reader,
            width: columns.len(),
            left_out: left_out.map(|column| column.index).collect(),
        }
    }

    fn title<'c>(&self, cells: &'c [Cell<'_>]) -> Vec<OutputCell<'c>> {
        let cells = self.kept(cells);
        cells.map(|(_, cell)| plain(display_text(cell))).collect()
    }

    fn header<'c>(&self, cells: &'c [Cell<'_>]) -> Vec<OutputCell<'c>> {
        let texts = self.kept(cells).map(|(_, cell)| display_text(cell));
        let texts = texts.chain([ERROR_HEADER.into()]);
        let cells = texts.map(|text| OutputCell {
            text,
            style: Style::Header,
        });
        cells.collect()
    }

    fn rejected<'c>(
        &'c self,
        cells: &'c [Cell<'_>],
        errors: &[RejectedCell],
    ) -> Vec<OutputCell<'c>> {
        let kept = self.kept(cells).map(|(index, cell)| OutputCell {
            text: self.reader.rewrite(index, cell),
            style: if errors.iter().any(|error| error.column == Some(index)) {
                Style::Marked
            } else {
                Style::Plain
            },
        });
        let messages: Vec<_> = errors.iter().map(|error| error.message.as_str()).collect();
        let mut row: Vec<_> = kept.chain([plain(messages.join("; ").into())]).collect();
        // The cells of a shifted row that have no column follow the messages.
        let others = cells.iter().skip(self.width);
        row.extend(others.map(|cell| plain(display_text(cell))));
        row
    }

    /// Iterates over the cells of all columns that are written.
    fn kept<'c>(&self, cells: &'c [Cell<'_>]) -> impl Iterator<Item = (usize, &'c Cell<'c>)> {
        let cells = (0..self.width).map(|index| (index, cells.get(index).unwrap_or(&Cell::Empty)));
        cells.filter(|(index, _)| !self.left_out.contains(index))
    }
}

fn plain(text: Cow<'_, str>) -> OutputCell<'_> {
    OutputCell {
        text,
        style: Style::Plain,
    }
}
