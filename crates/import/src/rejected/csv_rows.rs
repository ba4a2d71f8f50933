//! Rejected rows as delimited text.

use std::io::{self, Write};

use super::encoded::Encoded;
use super::text_format::{LineEnding, Probe, TextFormat};
use super::{OutputCell, RowWriter};

/// Writes delimited text. Quotes cells only where the format requires it,
/// and adds nothing to a cell: the guard of some exports against formulas would change values.
pub(super) struct CsvRows<W: Write> {
    csv: csv::Writer<Encoded<W>>,
    next_row: u32,
}

impl<W: Write> CsvRows<W> {
    pub(super) fn new(output: W, format: &TextFormat) -> io::Result<Self> {
        let mut builder = csv::WriterBuilder::new();
        let terminator = match format.line_ending {
            LineEnding::CrLf => csv::Terminator::CRLF,
            LineEnding::Lf => csv::Terminator::Any(b'\n'),
            LineEnding::Cr => csv::Terminator::Any(b'\r'),
        };
        // All delimiters are ASCII. A title may have another number of cells than the header.
        builder
            .delimiter(format.delimiter as u8)
            .terminator(terminator)
            .flexible(true);
        Ok(Self {
            csv: builder.from_writer(format.start(output)?),
            next_row: 1,
        })
    }
}

impl CsvRows<&mut Probe> {
    /// Returns whether the sample for the delimiter is complete.
    pub(super) fn has_sample(&self) -> bool {
        self.csv.get_ref().output().has_sample()
    }
}

impl<W: Write> RowWriter for CsvRows<W> {
    fn write(&mut self, row: u32, cells: &[OutputCell<'_>]) -> io::Result<()> {
        // Empty rows above a header whose number the options state.
        while self.next_row < row {
            self.csv.write_record([""])?;
            self.next_row += 1;
        }
        self.csv
            .write_record(cells.iter().map(|cell| cell.text.as_bytes()))?;
        self.next_row += 1;
        Ok(())
    }

    fn finish(self) -> io::Result<()> {
        let output = self
            .csv
            .into_inner()
            .map_err(csv::IntoInnerError::into_error)?;
        output.finish()
    }
}
