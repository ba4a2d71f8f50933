//! Detects the kind of a file by its content.

use std::io::{Read, Seek, SeekFrom};

use zip::ZipArchive;
use zip::result::ZipError;

use super::error::{damaged_workbook, encrypted, unsupported, workbook_io};
use crate::error::{FileError, FileErrorReason, ImportError};
use crate::limits::ImportLimits;

/// Kind of a file that can be read.
pub(super) enum Content {
    /// Delimited text.
    Text,
    /// A workbook (`.xlsx`) whose inflated size is within the limit.
    Workbook,
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
        check_archive(reader, limits)?;
        return Ok(Content::Workbook);
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

/// Checks that the archive is a workbook and that its inflated size is within the limit.
fn check_archive<R: Read + Seek>(reader: &mut R, limits: ImportLimits) -> Result<(), ImportError> {
    let mut archive = ZipArchive::new(reader).map_err(archive_error)?;
    check_names(&archive)?;
    check_inflated_size(&mut archive, limits.max_inflated_bytes)
}

fn check_names<R: Read + Seek>(archive: &ZipArchive<R>) -> Result<(), ImportError> {
    let mut message = "the file is a zip archive without a workbook";
    for name in archive.file_names() {
        let name = name.map_err(archive_error)?;
        match name.replace('\\', "/").to_ascii_lowercase().as_str() {
            "xl/workbook.xml" => return Ok(()),
            "xl/workbook.bin" => message = "the file is an .xlsb workbook",
            "content.xml" => message = "the file is an OpenDocument file",
            _ => {}
        }
    }
    Err(unsupported(message).into())
}

/// Counts the inflated bytes by inflating them: a zip bomb declares false sizes.
fn check_inflated_size<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    max_bytes: u64,
) -> Result<(), ImportError> {
    let mut remaining = max_bytes;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(archive_error)?;
        let mut entry = entry.take(remaining + 1);
        let size = std::io::copy(&mut entry, &mut std::io::sink()).map_err(workbook_io)?;
        remaining = remaining.checked_sub(size).ok_or_else(|| {
            let mebibytes = max_bytes >> 20;
            FileError::new(
                FileErrorReason::TooLarge,
                format!("the workbook has more than {mebibytes} MiB: split it, or save it as CSV"),
            )
        })?;
    }
    Ok(())
}

fn archive_error(error: ZipError) -> ImportError {
    match error {
        ZipError::Io(error) => workbook_io(error),
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => encrypted().into(),
        _ => damaged_workbook().into(),
    }
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
    reader.seek(SeekFrom::Start(0))?;
    let mut window = Vec::new();
    loop {
        let kept = window.len().saturating_sub(pattern.len() - 1);
        window.drain(..kept);
        if reader.by_ref().take(1 << 16).read_to_end(&mut window)? == 0 {
            return Ok(false);
        }
        if window.windows(pattern.len()).any(|bytes| bytes == pattern) {
            return Ok(true);
        }
    }
}
