//! Detects the kind of a file by its content.

use std::io::{Read, Seek};

use super::error::{encrypted, unsupported};
use super::package;
use crate::error::{FileError, ImportError};
use crate::limits::ImportLimits;

/// Kind of a file that can be read.
pub(super) enum Content {
    /// Delimited text.
    Text,
    /// A workbook (`.xlsx`) whose inflated size is within the limit.
    Workbook {
        /// Some sheet has merged cells.
        has_merged_cells: bool,
        /// A formula has no stored value.
        has_formulas_without_value: bool,
    },
}

/// First bytes of binary files that people rename or confuse with a spreadsheet.
const BINARY_SIGNATURES: &[&[u8]] = &[
    b"\xFF\xD8\xFF",
    b"\x89PNG",
    b"GIF8",
    b"%PDF-",
    b"{\\rtf",
    b"\x1F\x8B",
    b"7z\xBC\xAF",
    b"Rar!",
    b"BZh",
    b"\xFD7zXZ",
    b"SQLite format 3",
    b"\xFF\xFE\0\0",
    b"\0\0\xFE\xFF",
];
const ZIP_SIGNATURES: &[&[u8]] = &[b"PK\x03\x04", b"PK\x05\x06"];
/// First bytes of an OLE compound file: `.xls`, or an encrypted `.xlsx`.
const COMPOUND_SIGNATURE: &[u8] = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";

/// Detects the kind of the file.
///
/// # Errors
/// Rejects files that are neither a workbook (`.xlsx`) nor text.
pub(super) fn detect<R: Read + Seek>(
    reader: &mut R,
    limits: ImportLimits,
) -> Result<Content, ImportError> {
    let start = read_start(reader)?;
    let starts_with_any =
        |signatures: &[&[u8]]| signatures.iter().any(|bytes| start.starts_with(bytes));
    if starts_with_any(ZIP_SIGNATURES) {
        let estimate = package::check(reader, limits.max_inflated_bytes)?;
        return Ok(Content::Workbook {
            has_merged_cells: estimate.has_merged_cells(),
            has_formulas_without_value: estimate.has_formulas_without_value(),
        });
    }
    if start.starts_with(COMPOUND_SIGNATURE) {
        return Err(compound_file_error(reader)?.into());
    }
    if starts_with_any(BINARY_SIGNATURES) {
        return Err(unsupported("the file is neither a workbook nor text").into());
    }
    Ok(Content::Text)
}

fn read_start<R: Read + Seek>(reader: &mut R) -> Result<Vec<u8>, ImportError> {
    let mut start = Vec::new();
    reader.rewind()?;
    reader.by_ref().take(64).read_to_end(&mut start)?;
    Ok(start)
}

/// Distinguishes an encrypted `.xlsx` from an `.xls`. Both are OLE compound files. The directory of
/// the encrypted one names a stream `EncryptedPackage`, in UTF-16.
fn compound_file_error<R: Read + Seek>(reader: &mut R) -> Result<FileError, ImportError> {
    let name: Vec<u8> = "EncryptedPackage"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    if contains(reader, &name)? {
        Ok(encrypted())
    } else {
        Ok(unsupported(
            "the file is an .xls workbook or another Office document",
        ))
    }
}

fn contains<R: Read + Seek>(reader: &mut R, pattern: &[u8]) -> Result<bool, ImportError> {
    Ok(count(reader, pattern, 1)? > 0)
}

/// Counts the occurrences of a pattern in the file, up to a maximum.
pub(super) fn count<R: Read + Seek>(
    reader: &mut R,
    pattern: &[u8],
    max: usize,
) -> Result<usize, ImportError> {
    reader.rewind()?;
    let mut window = Vec::new();
    let mut found = 0;
    while found < max {
        let kept = window.len().min(pattern.len() - 1);
        window.drain(..window.len() - kept);
        if reader.by_ref().take(1 << 16).read_to_end(&mut window)? == 0 {
            break;
        }
        found += window
            .windows(pattern.len())
            .filter(|bytes| *bytes == pattern)
            .count();
    }
    Ok(found.min(max))
}
