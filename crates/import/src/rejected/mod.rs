//! Files of rejected rows, which are corrected and imported again.

mod csv_rows;
mod encoded;
mod text_format;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Read, Seek, Write};

use csv_rows::CsvRows;
use devices_workbook::{Cell as SheetCell, Style, Value, WorkbookWriter};
pub(crate) use text_format::TextStyle;
use text_format::{Probe, TextFormat};

use crate::columns::{ERROR_HEADER, SURPLUS_HEADER};
use crate::description::FileKind;
use crate::error::ImportError;
use crate::file::ImportFile;
use crate::source::Cell;
use crate::table::RowReader;
use crate::value::{display_text, is_blank_cell};

/// Format of a file of rejected rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectedFormat {
    /// Text, in the encoding and with the delimiter and line ending of the file (UTF-8, `,` and LF
    /// for a workbook). A delimiter that an import would not detect is stated in a line `sep=;`. An
    /// encoding that it would not detect is replaced by UTF-8 with a byte order mark.
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

impl<W: Write> RowWriter for WorkbookWriter<W> {
    fn write(&mut self, row: u32, cells: &[OutputCell<'_>]) -> io::Result<()> {
        let cells = cells.iter().map(|cell| SheetCell {
            value: Value::Text(Cow::Borrowed(&cell.text)),
            style: cell.style,
        });
        self.write_row(row, cells)
    }

    fn finish(self) -> io::Result<()> {
        self.finish()
    }
}

impl<R: Read + Seek> ImportFile<R> {
    /// Writes the rows with errors, by row number, in the file's own columns and order, with a last
    /// column `Error`. An import ignores this column.
    ///
    /// An import of the written file with the same options reads the same values. A date such as
    /// `03/04/2024` is written as `2024-04-03` if only other rows show its order. The cells of a
    /// shifted row that have no column are written before the messages, under a blank header.
    ///
    /// Returns the encoding of a text, as the WHATWG Encoding Standard spells it: that of the file,
    /// or UTF-8 if an import would take the few rows for another one.
    ///
    /// # Errors
    /// Returns the error of the output, or of a file that changed since it was opened.
    pub fn write_rejected_rows(
        &mut self,
        errors: &BTreeMap<u32, Vec<RejectedCell>>,
        format: RejectedFormat,
        output: impl Write + Send,
    ) -> Result<Option<&'static str>, ImportError> {
        let surplus = self.count_surplus(errors)?;
        match format {
            RejectedFormat::Csv => {
                let format = self.text_format(errors, surplus)?;
                let mut writer = CsvRows::new(output, &format)?;
                self.write_rows(errors, surplus, &mut writer, |_| true)?;
                writer.finish()?;
                Ok(Some(format.encoding_name()))
            }
            RejectedFormat::Xlsx => {
                let sheet = match &self.description.kind {
                    FileKind::Xlsx { sheet, .. } => sheet.as_str(),
                    FileKind::Csv { .. } => "Rejected rows",
                };
                let header_row = self.first_row_number();
                let mut writer = WorkbookWriter::new(output, sheet, header_row)?;
                self.write_rows(errors, surplus, &mut writer, |_| true)?;
                writer.finish()?;
                Ok(None)
            }
        }
    }

    /// Returns the maximum number of cells of a rejected row that have no column.
    fn count_surplus(
        &mut self,
        errors: &BTreeMap<u32, Vec<RejectedCell>>,
    ) -> Result<usize, ImportError> {
        let mut surplus = 0;
        if matches!(self.description.kind, FileKind::Xlsx { .. }) {
            // Every cell of a workbook has a column.
            return Ok(surplus);
        }
        let width = self.columns.len();
        self.source.read_rows(|row, cells| {
            if errors.contains_key(&row) {
                let last = cells.iter().rposition(|cell| !is_blank_cell(cell));
                let cells = last.map_or(0, |last| last + 1);
                surplus = surplus.max(cells.saturating_sub(width));
            }
            Ok(true)
        })?;
        Ok(surplus)
    }

    /// Returns the format of the file, so that an import detects it again: writes the rows to a
    /// probe. The options state the format of either file.
    fn text_format(
        &mut self,
        errors: &BTreeMap<u32, Vec<RejectedCell>>,
        surplus: usize,
    ) -> Result<TextFormat, ImportError> {
        let mut format = match self.description.kind {
            FileKind::Csv {
                encoding,
                delimiter,
            } => TextFormat::new(encoding, delimiter, self.text_style),
            FileKind::Xlsx { .. } => TextFormat::of_workbook(),
        };
        let given = self.given;
        let needs_all = !given.encoding && format.has_legacy_encoding();
        if given.delimiter && !needs_all {
            return Ok(format);
        }
        let mut probe = Probe::new();
        let mut writer = CsvRows::new(&mut probe, &format)?;
        self.write_rows(errors, surplus, &mut writer, |writer| {
            needs_all || !writer.has_sample()
        })?;
        writer.finish()?;
        if !given.delimiter {
            format.state_delimiter(&probe);
        }
        if !given.encoding {
            format.state_encoding(&mut probe);
        }
        Ok(format)
    }

    /// Returns the number of the header row in the written file. A header that the options number
    /// keeps its place, so that they fit the written file, too.
    fn first_row_number(&self) -> u32 {
        if self.given.header_row {
            self.description.header_row
        } else {
            1
        }
    }

    /// Writes the header and the rows, until `continues` returns `false`.
    fn write_rows<T: RowWriter>(
        &mut self,
        errors: &BTreeMap<u32, Vec<RejectedCell>>,
        surplus: usize,
        writer: &mut T,
        continues: impl Fn(&T) -> bool,
    ) -> Result<(), ImportError> {
        let layout = Layout {
            reader: &self.reader,
            width: self.columns.len(),
            surplus,
        };
        let header_row = self.description.header_row;
        let mut next_row = self.first_row_number();
        let keeps_titles = self.given.header_row;
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
            Ok(continues(writer))
        })
    }
}

/// Columns of the written file: those of the file without messages of an earlier import, those of
/// surplus cells, and the column `Error`.
struct Layout<'a> {
    reader: &'a RowReader,
    /// Number of columns of the file.
    width: usize,
    /// Maximum number of cells of a rejected row that have no column.
    surplus: usize,
}

impl Layout<'_> {
    fn title<'c>(&self, cells: &'c [Cell<'_>]) -> Vec<OutputCell<'c>> {
        let cells = self.kept(cells);
        cells.map(|(_, cell)| plain(display_text(cell))).collect()
    }

    fn header<'c>(&self, cells: &'c [Cell<'_>]) -> Vec<OutputCell<'c>> {
        let texts = self.kept(cells).map(|(_, cell)| display_text(cell));
        let surplus = std::iter::repeat_n(SURPLUS_HEADER.into(), self.surplus);
        let texts = texts.chain(surplus).chain([ERROR_HEADER.into()]);
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
        let surplus = (self.width..self.width + self.surplus)
            .map(|index| plain(display_text(cells.get(index).unwrap_or(&Cell::Empty))));
        let messages = plain(messages.join("; ").into());
        kept.chain(surplus).chain([messages]).collect()
    }

    /// Iterates over the cells of all columns that are written.
    fn kept<'c>(&self, cells: &'c [Cell<'_>]) -> impl Iterator<Item = (usize, &'c Cell<'c>)> {
        let cells = (0..self.width).map(|index| (index, cells.get(index).unwrap_or(&Cell::Empty)));
        cells.filter(|(index, _)| self.reader.error_column() != Some(*index))
    }
}

fn plain(text: Cow<'_, str>) -> OutputCell<'_> {
    OutputCell {
        text,
        style: Style::Plain,
    }
}
