//! Bounds the memory and the time of reading a workbook, before it is read.
//!
//! calamine holds the shared strings, the styles and the list of sheets in memory, and trusts the
//! sizes that the file declares.

use std::io::{self, BufRead, BufReader, Read, Seek};

use zip::ZipArchive;
use zip::result::ZipError;

use super::content;
use super::error::{damaged_workbook, encrypted, unsupported, workbook_io};
use super::xml::MemoryEstimate;
use crate::error::{FileError, FileErrorReason, ImportError};

/// Maximum number of parts. A workbook has a few for each sheet and image.
const MAX_PARTS: usize = 10_000;
const CENTRAL_HEADER_SIGNATURE: &[u8] = b"PK\x01\x02";

/// Checks that the archive is a workbook, that its inflated size is within the limit, and that
/// what calamine builds from it is within the same limit.
///
/// Counts the bytes by inflating them: a zip bomb declares false sizes.
pub(super) fn check<R: Read + Seek>(
    reader: &mut R,
    max_bytes: u64,
) -> Result<MemoryEstimate, ImportError> {
    if content::count(reader, CENTRAL_HEADER_SIGNATURE, MAX_PARTS + 1)? > MAX_PARTS {
        return Err(too_large(max_bytes).into());
    }
    let mut archive = ZipArchive::new(reader).map_err(archive_error)?;
    check_names(&archive)?;
    let mut remaining = max_bytes;
    let mut estimate = MemoryEstimate::default();
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(archive_error)?;
        let size = scan_part(part.take(remaining.saturating_add(1)), &mut estimate)
            .map_err(workbook_io)?;
        remaining = remaining
            .checked_sub(size)
            .ok_or_else(|| too_large(max_bytes))?;
        if estimate.bytes() > max_bytes {
            return Err(too_large(max_bytes).into());
        }
    }
    Ok(estimate)
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

/// Reads a part to its end. Returns its size.
fn scan_part(part: impl Read, estimate: &mut MemoryEstimate) -> io::Result<u64> {
    let mut part = BufReader::with_capacity(1 << 16, part);
    let mut scan = estimate.scan_part();
    let mut size = 0;
    loop {
        let bytes = part.fill_buf()?;
        if bytes.is_empty() {
            scan.finish(size);
            return Ok(size);
        }
        let length = bytes.len();
        for byte in bytes {
            scan.feed(*byte);
        }
        size += length as u64;
        part.consume(length);
    }
}

fn too_large(max_bytes: u64) -> FileError {
    let message = format!(
        "the workbook needs more than {} MiB of memory: split it, or save it as CSV",
        max_bytes >> 20
    );
    FileError::new(FileErrorReason::TooLarge, message)
}

fn archive_error(error: ZipError) -> ImportError {
    match error {
        ZipError::Io(error) => workbook_io(error),
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => encrypted().into(),
        _ => damaged_workbook().into(),
    }
}
