//! Reads delimited text as a stream: bytes, then UTF-8, then records.

use std::io::{BufRead, Cursor, Read, Seek};

use encoding_rs::Encoding;

use super::error::{too_many_columns, unsupported};
use super::{Cell, option_error};
use crate::description::FileKind;
use crate::error::{FileError, ImportError, OptionErrorReason};
use crate::limits::ImportLimits;
use crate::options::ImportOptions;

mod decode;
mod delimiter;
mod encoding;
mod records;

use decode::Utf8Reader;
pub(crate) use encoding::LegacyDetector;
use records::Records;

/// Maximum size of the sample that the delimiter is detected from.
const SAMPLE_BYTES: u64 = 1 << 16;

/// A text file with its encoding and delimiter.
pub(super) struct TextFile<R> {
    reader: R,
    encoding: &'static Encoding,
    delimiter: u8,
    /// Length of the line `sep=;`, in bytes of UTF-8. Spreadsheets do not show this line.
    separator_line: usize,
    max_columns: usize,
}

impl<R: Read + Seek> TextFile<R> {
    /// Detects the encoding and the delimiter, unless they are given.
    pub(super) fn open(
        mut reader: R,
        options: &ImportOptions,
        limits: ImportLimits,
    ) -> Result<Self, ImportError> {
        let encoding = match &options.encoding {
            Some(label) => encoding_for_label(label)?,
            None => encoding::detect(&mut reader)?,
        };
        let sample = read_sample(&mut reader, encoding)?;
        reject_binary(&sample)?;
        reject_markup(&sample)?;
        let separator = delimiter::separator_line(&sample);
        let separator_line = separator.map_or(0, |(_, length)| length);
        let delimiter = match (&options.delimiter, separator) {
            (Some(delimiter), _) => given_delimiter(delimiter)?,
            (None, Some((delimiter, _))) => delimiter,
            (None, None) => delimiter::detect(&sample),
        };
        Ok(Self {
            reader,
            encoding,
            delimiter,
            separator_line,
            max_columns: limits.max_columns,
        })
    }

    pub(super) fn kind(&self) -> FileKind {
        FileKind::Csv {
            encoding: self.encoding.name(),
            delimiter: char::from(self.delimiter),
        }
    }

    /// Implements [`Source::read_rows`](super::Source::read_rows).
    pub(super) fn read_rows(
        &mut self,
        mut read_row: impl FnMut(u32, &[Cell<'_>]) -> Result<bool, ImportError>,
    ) -> Result<(), ImportError> {
        self.reader.rewind()?;
        let mut reader = Utf8Reader::new(&mut self.reader, self.encoding);
        skip(&mut reader, self.separator_line)?;
        let mut records = Records::new(reader, self.delimiter);
        while let Some(row) = records.read()? {
            let cells: Vec<_> = records.fields().map(Cell::text).collect();
            let shown = cells.len().min(self.max_columns);
            if cells[shown..].iter().any(|cell| *cell != Cell::Empty) {
                return Err(too_many_columns(row, self.max_columns).into());
            }
            if !read_row(row, &cells[..shown])? {
                return Ok(());
            }
        }
        Ok(())
    }
}

fn encoding_for_label(label: &str) -> Result<&'static Encoding, ImportError> {
    Encoding::for_label_no_replacement(label.as_bytes()).ok_or_else(|| {
        let message = format!(
            "unknown encoding `{label}`: send a name such as `utf-8`, `windows-1252` or `macintosh`"
        );
        option_error("/encoding", OptionErrorReason::Malformed, message)
    })
}

fn given_delimiter(delimiter: &str) -> Result<u8, ImportError> {
    match delimiter {
        "," | ";" | "|" | "\t" => Ok(delimiter.as_bytes()[0]),
        _ => Err(option_error(
            "/delimiter",
            OptionErrorReason::Malformed,
            "delimiter must be `,`, `;`, `|` or a tab",
        )),
    }
}

/// Returns the delimiter that is detected in a text with this beginning.
pub(crate) fn detect_delimiter(beginning: &[u8], encoding: &'static Encoding) -> u8 {
    // Reading from memory does not fail.
    let sample = read_sample(&mut Cursor::new(beginning), encoding).unwrap_or_default();
    let separator = delimiter::separator_line(&sample);
    separator.map_or_else(|| delimiter::detect(&sample), |(delimiter, _)| delimiter)
}

/// Returns the beginning of the file in UTF-8, up to its last complete line.
fn read_sample<R: Read + Seek>(
    reader: &mut R,
    encoding: &'static Encoding,
) -> Result<String, ImportError> {
    reader.rewind()?;
    let mut sample = Vec::new();
    let reader = Utf8Reader::new(reader, encoding);
    let read = reader.take(SAMPLE_BYTES).read_to_end(&mut sample);
    // An invalid byte is reported with its row when the rows are read.
    read.unwrap_or_default();
    if sample.len() as u64 == SAMPLE_BYTES {
        let end = sample
            .iter()
            .rposition(|byte| matches!(byte, b'\r' | b'\n'));
        sample.truncate(end.unwrap_or(sample.len()));
    }
    Ok(String::from_utf8_lossy(&sample).into_owned())
}

/// Rejects a binary file of a kind without a known signature. A few control characters are left to
/// the validation of their rows.
fn reject_binary(sample: &str) -> Result<(), FileError> {
    let is_binary = |c: char| {
        c.is_control()
            && !matches!(
                c,
                '\t' | '\n' | '\r' | '\x0B' | '\x0C' | '\x1A' | '\u{80}'..
            )
    };
    let controls = sample.chars().filter(|c| is_binary(*c)).count();
    if controls >= 16 && controls * 50 > sample.len() {
        return Err(unsupported("the file is neither a workbook nor text"));
    }
    Ok(())
}

/// Rejects tables in HTML and XML: programs export them under the name `.xls`.
fn reject_markup(sample: &str) -> Result<(), FileError> {
    let start = sample.trim_start();
    let starts_with = |tag: &str| {
        let prefix = start.get(..tag.len());
        prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(tag))
    };
    if ["<!doctype", "<?xml", "<html", "<table"]
        .into_iter()
        .any(starts_with)
    {
        return Err(unsupported("the file is HTML or XML"));
    }
    Ok(())
}

fn skip(reader: &mut impl BufRead, bytes: usize) -> Result<(), ImportError> {
    std::io::copy(&mut reader.take(bytes as u64), &mut std::io::sink()).map_err(io_error)?;
    Ok(())
}

/// Extracts the [`FileError`] of an invalid byte from the error of a reader.
fn io_error(error: std::io::Error) -> ImportError {
    match error.downcast::<FileError>() {
        Ok(error) => error.into(),
        Err(error) => error.into(),
    }
}
