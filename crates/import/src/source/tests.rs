use std::io::Cursor;

use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};

use super::*;
use crate::error::{FileError, FileErrorReason};

/// Rows with their numbers. Cells are written as text.
pub(super) type Rows = Vec<(u32, Vec<String>)>;

fn open(bytes: &[u8], options: &ImportOptions) -> Result<Source<Cursor<Vec<u8>>>, ImportError> {
    Source::open(
        Cursor::new(bytes.to_vec()),
        options,
        ImportLimits::default(),
    )
}

pub(super) fn read_with(bytes: &[u8], options: &ImportOptions) -> Result<Rows, ImportError> {
    let mut source = open(bytes, options)?;
    let read = |source: &mut Source<_>| {
        let mut rows = Vec::new();
        source.read_rows(|row, cells| {
            rows.push((row, cells.iter().map(show).collect()));
            Ok(true)
        })?;
        Ok::<Rows, ImportError>(rows)
    };
    let rows = read(&mut source)?;
    assert_eq!(read(&mut source)?, rows, "a second reading differs");
    Ok(rows)
}

pub(super) fn read(bytes: &[u8]) -> Rows {
    read_with(bytes, &ImportOptions::default()).expect("a valid file")
}

pub(super) fn file_error(bytes: &[u8]) -> FileError {
    match read_with(bytes, &ImportOptions::default()) {
        Err(ImportError::File(error)) => error,
        other => panic!("no error of the file: {other:?}"),
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

#[test]
fn workbook_cells_keep_their_types() {
    let mut workbook = Workbook::new();
    let date = Format::new().set_num_format("dd.mm.yyyy");
    let sheet = workbook.add_worksheet();
    let day = ExcelDateTime::from_ymd(2024, 2, 29).expect("a valid day");
    sheet
        .write(1, 0, "text")
        .and_then(|sheet| sheet.write(1, 2, 12.5))
        .and_then(|sheet| sheet.write(3, 0, true))
        .and_then(|sheet| sheet.write_with_format(3, 1, &day, &date))
        .expect("valid cells");
    let bytes = workbook.save_to_buffer().expect("a workbook");
    assert_eq!(
        read(&bytes),
        [
            (
                2,
                vec!["text".to_owned(), String::new(), "number 12.5".to_owned()]
            ),
            (
                4,
                vec!["boolean true".to_owned(), "date 2024-02-29".to_owned()]
            ),
        ]
    );
}

#[test]
fn windows_1252_text_is_read() {
    let rows = read(b"Ger\xE4t;Preis\r\nB\xFCro-PC;1.299,00 \x80\r\n");
    assert_eq!(rows[0], (1, vec!["Gerät".to_owned(), "Preis".to_owned()]));
    assert_eq!(
        rows[1],
        (2, vec!["Büro-PC".to_owned(), "1.299,00 €".to_owned()])
    );
}

#[test]
fn jpeg_named_csv_is_rejected() {
    let error = file_error(b"\xFF\xD8\xFF\xE0\0\x10JFIF\0\x01\x01");
    assert_eq!(error.reason, FileErrorReason::UnsupportedKind);
}
