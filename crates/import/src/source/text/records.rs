//! Splits UTF-8 text into records.

use std::io::{self, BufRead};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use crate::error::{FileError, FileErrorReason, ImportError};
use crate::source::error::in_row;

/// Maximum size of a record. An unclosed quote would otherwise hold the rest of the file in memory.
const MAX_RECORD_BYTES: usize = 1 << 20;
/// Maximum number of fields of a record: that of a spreadsheet program. Programs write empty fields
/// after the last column.
const MAX_FIELDS: usize = 16_384;

/// Reader of the records of a text, with LF, CR LF or CR after each. Bounds the memory of a record.
///
/// The `csv` crate counts lines and skips empty ones. A spreadsheet counts rows: a record with line
/// breaks is one row, and an empty line is one, too.
pub(super) struct Records<R> {
    reader: R,
    parser: Reader,
    /// Number of the last row, from 1.
    row: u32,
    /// The last record ended with a CR. A following LF is part of the same line ending.
    after_cr: bool,
    buffer: Vec<u8>,
    ends: Vec<usize>,
    fields: usize,
}

impl<R: BufRead> Records<R> {
    pub(super) fn new(reader: R, delimiter: u8) -> Self {
        Self {
            reader,
            parser: ReaderBuilder::new().delimiter(delimiter).build(),
            row: 0,
            after_cr: false,
            buffer: vec![0; 4096],
            ends: vec![0; 256],
            fields: 0,
        }
    }

    /// Reads the next record that is not an empty line. Returns its row from 1.
    pub(super) fn read(&mut self) -> Result<Option<u32>, ImportError> {
        self.fields = 0;
        let has_record = self.skip_empty_lines();
        self.row = self.row.saturating_add(1);
        if !has_record.map_err(|error| locate(error, self.row))? {
            return Ok(None);
        }
        self.parse()?;
        Ok(Some(self.row))
    }

    /// Returns the fields of the last record.
    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.ends[..self.fields].iter().map(move |end| {
            let field = &self.buffer[start..*end];
            start = *end;
            // The input is UTF-8 and is split at ASCII bytes.
            str::from_utf8(field).unwrap_or_default()
        })
    }

    /// Counts the empty lines before the next record. Returns whether there is a record.
    fn skip_empty_lines(&mut self) -> io::Result<bool> {
        loop {
            let byte = self.reader.fill_buf()?.first().copied();
            match byte {
                Some(b'\n') if self.after_cr => self.after_cr = false,
                Some(byte @ (b'\r' | b'\n')) => {
                    self.row = self.row.saturating_add(1);
                    self.after_cr = byte == b'\r';
                }
                Some(_) => return Ok(true),
                None => return Ok(false),
            }
            self.reader.consume(1);
        }
    }

    /// Parses one record. Ends the last one with a line ending that it may lack.
    fn parse(&mut self) -> Result<(), ImportError> {
        let mut length = 0;
        let mut is_ended = false;
        loop {
            let input = self
                .reader
                .fill_buf()
                .map_err(|error| locate(error, self.row))?;
            let at_end = input.is_empty();
            if at_end && is_ended {
                return Err(unclosed_quote(self.row).into());
            }
            let input = if at_end { b"\n" } else { input };
            let (result, read, written, ends) = self.parser.read_record(
                input,
                &mut self.buffer[length..],
                &mut self.ends[self.fields..],
            );
            length += written;
            self.fields += ends;
            self.after_cr = read > 0 && input[read - 1] == b'\r';
            if at_end {
                is_ended = read > 0;
            } else {
                self.reader.consume(read);
            }
            match result {
                ReadRecordResult::Record | ReadRecordResult::End => return Ok(()),
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.grow_buffer()?,
                ReadRecordResult::OutputEndsFull => self.grow_ends()?,
            }
        }
    }

    fn grow_buffer(&mut self) -> Result<(), FileError> {
        if self.buffer.len() >= MAX_RECORD_BYTES {
            let message = format!(
                "row {} has more than {} MiB: close its quotation marks, or shorten its cells",
                self.row,
                MAX_RECORD_BYTES >> 20
            );
            return Err(in_row(FileErrorReason::Damaged, self.row, message));
        }
        self.buffer.resize(self.buffer.len() * 2, 0);
        Ok(())
    }

    fn grow_ends(&mut self) -> Result<(), FileError> {
        if self.ends.len() >= MAX_FIELDS {
            let message = format!("row {} has more than {MAX_FIELDS} columns", self.row);
            return Err(in_row(FileErrorReason::TooManyColumns, self.row, message));
        }
        self.ends.resize(self.ends.len() * 2, 0);
        Ok(())
    }
}

fn unclosed_quote(row: u32) -> FileError {
    let message = format!("row {row} does not end: close its quotation marks");
    in_row(FileErrorReason::Damaged, row, message)
}

/// Adds the row to the error of an invalid byte.
fn locate(error: io::Error, row: u32) -> ImportError {
    match error.downcast::<FileError>() {
        Ok(error) => FileError {
            row: Some(row),
            ..error
        }
        .into(),
        Err(error) => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &str) -> Vec<(u32, Vec<String>)> {
        let mut records = Records::new(text.as_bytes(), b',');
        let mut found = Vec::new();
        while let Some(row) = records.read().expect("valid text") {
            found.push((row, records.fields().map(str::to_owned).collect()));
        }
        found
    }

    fn rows(text: &str) -> Vec<u32> {
        records(text).into_iter().map(|(row, _)| row).collect()
    }

    fn error(text: &str) -> FileError {
        let mut records = Records::new(text.as_bytes(), b',');
        loop {
            match records.read() {
                Ok(Some(_)) => {}
                Err(ImportError::File(error)) => return error,
                other => panic!("no error: {other:?}"),
            }
        }
    }

    #[test]
    fn empty_lines_are_counted() {
        for end in ["\n", "\r\n", "\r"] {
            let text = "\na,b\n\n\n1,2\n\n3,4".replace('\n', end);
            assert_eq!(rows(&text), [2, 5, 7], "{end:?}");
        }
    }

    #[test]
    fn mixed_line_endings_are_accepted() {
        assert_eq!(rows("a\r\nb\nc\rd\n\re\r\r\nf"), [1, 2, 3, 4, 6, 8]);
    }

    #[test]
    fn quoted_line_breaks_are_in_one_row() {
        let found = records("\"a\r\nb\",\"c\"\"d\"\n\"x\ny\"\nz\n");
        assert_eq!(found[0], (1, vec!["a\r\nb".to_owned(), "c\"d".to_owned()]));
        assert_eq!(found[2].0, 3);
    }

    #[test]
    fn quotes_inside_a_field_are_text() {
        assert_eq!(records("24\" screen,x")[0].1, ["24\" screen", "x"]);
        assert_eq!(records("\"24\" screen,x")[0].1, ["24 screen", "x"]);
    }

    #[test]
    fn unclosed_quote_is_located() {
        let error = error("a,b\n\n1,2\n3,\"4\n5,6\n");
        assert_eq!(
            (error.reason, error.row),
            (FileErrorReason::Damaged, Some(4))
        );
    }

    #[test]
    fn unclosed_quote_does_not_hold_the_file() {
        let text = format!("a,b\n1,\"{}", "2,3\n".repeat(1 << 20));
        assert_eq!(error(&text).row, Some(2));
    }

    #[test]
    fn long_row_names_both_causes() {
        let error = error(&format!("a,b\n1,{}\n", "x".repeat(2 << 20)));
        assert_eq!(error.row, Some(2));
        assert!(error.message.contains("shorten its cells"), "{error}");
    }

    #[test]
    fn million_columns_are_rejected() {
        let error = error(&format!("a,b\n{}", "1,".repeat(1_000_000)));
        assert_eq!(error.reason, FileErrorReason::TooManyColumns);
        assert_eq!(error.row, Some(2));
    }
}
