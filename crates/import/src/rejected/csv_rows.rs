//! Rejected rows as delimited text.

use std::io::{self, Write};

use super::encoded::Encoded;
use super::{OutputCell, RowWriter};

/// Writes delimited text, with LF as line ending. Quotes cells only where the format requires it,
/// and adds nothing to a cell: the guard of some exports against formulas would change values.
pub(super) struct CsvRows<W: Write> {
    csv: csv::Writer<Encoded<W>>,
    next_row: u32,
}

impl<W: Write> CsvRows<W> {
    pub(super) fn new(output: Encoded<W>, delimiter: char) -> Self {
        let mut builder = csv::WriterBuilder::new();
        // All delimiters are ASCII. A shifted row has more cells than the header.
        builder.delimiter(delimiter as u8).flexible(true);
        Self {
            csv: builder.from_writer(output),
            next_row: 1,
        }
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
