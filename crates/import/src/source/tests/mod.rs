//! Tests that read whole files of either kind.

use std::io::{Cursor, Write};

use super::*;
use crate::error::{FileError, FileErrorReason, OptionErrorReason};

mod damaged_workbooks;
mod texts;
mod workbooks;

/// Rows with their numbers. Each cell is written as text.
type Rows = Vec<(u32, Vec<String>)>;

fn open(bytes: &[u8], options: &ImportOptions) -> Result<Source<Cursor<Vec<u8>>>, ImportError> {
    let limits = ImportLimits {
        max_inflated_bytes: 1 << 20,
        ..ImportLimits::default()
    };
    Source::open(Cursor::new(bytes.to_vec()), options, limits)
}

fn collect(source: &mut Source<Cursor<Vec<u8>>>) -> Result<Rows, ImportError> {
    let mut rows = Vec::new();
    source.read_rows(|row, cells| {
        rows.push((row, cells.iter().map(show).collect()));
        Ok(true)
    })?;
    Ok(rows)
}

/// Reads the file twice: the second reading must not differ.
fn read_with(bytes: &[u8], options: &ImportOptions) -> Result<Rows, ImportError> {
    let mut source = open(bytes, options)?;
    let rows = collect(&mut source)?;
    assert_eq!(collect(&mut source)?, rows, "a second reading differs");
    Ok(rows)
}

fn read(bytes: &[u8]) -> Rows {
    read_with(bytes, &ImportOptions::default()).expect("a valid file")
}

/// Returns the rows without their numbers.
fn cells(bytes: &[u8]) -> Vec<Vec<String>> {
    read(bytes).into_iter().map(|(_, cells)| cells).collect()
}

fn file_error(bytes: &[u8]) -> FileError {
    match read_with(bytes, &ImportOptions::default()) {
        Err(ImportError::File(error)) => error,
        other => panic!("no error of the file: {other:?}"),
    }
}

fn option_error_with(bytes: &[u8], options: &ImportOptions) -> OptionError {
    match read_with(bytes, options) {
        Err(ImportError::Option(error)) => error,
        other => panic!("no error of an option: {other:?}"),
    }
}

fn show(cell: &Cell<'_>) -> String {
    match cell {
        Cell::Empty => String::new(),
        Cell::Text(text) => text.clone().into_owned(),
        Cell::Number(number) => format!("number {number}"),
        Cell::Date(date) => format!("date {date}"),
        Cell::Boolean(boolean) => format!("boolean {boolean}"),
        Cell::Error => "error".to_owned(),
    }
}

/// Returns a zip archive of these files.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        let options = zip::write::SimpleFileOptions::default();
        archive.start_file(*name, options).expect("a valid name");
        archive.write_all(content).expect("memory");
    }
    archive.finish().expect("memory").into_inner()
}

/// Returns a workbook with one sheet of this XML, and further parts.
fn workbook(sheet: &str, parts: &[(&str, &[u8])]) -> Vec<u8> {
    let sheets = r#"<sheet name="Devices" sheetId="1" r:id="rId1"/>"#;
    let workbook = format!("<workbook><sheets>{sheets}</sheets></workbook>");
    let mut files: Vec<(&str, &[u8])> = vec![
        ("_rels/.rels", PACKAGE_RELATIONSHIPS.as_bytes()),
        ("xl/workbook.xml", workbook.as_bytes()),
        ("xl/_rels/workbook.xml.rels", SHEET_RELATIONSHIPS.as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ];
    files.extend(parts);
    archive(&files)
}

/// Returns a workbook whose sheet has these rows in XML.
fn workbook_with_rows(rows: &str) -> Vec<u8> {
    workbook(
        &format!("<worksheet><sheetData>{rows}</sheetData></worksheet>"),
        &[],
    )
}

const PACKAGE_RELATIONSHIPS: &str = r#"<Relationships><Relationship Id="rId1"
    Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
    Target="xl/workbook.xml"/></Relationships>"#;
const SHEET_RELATIONSHIPS: &str = r#"<Relationships><Relationship Id="rId1"
    Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"
    Target="worksheets/sheet1.xml"/></Relationships>"#;
