//! Devices as a workbook.

use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::NaiveDate;
use devices_domain::{Format, NewDevice, RawValue};
use devices_workbook::{Cell, MAX_ROWS, Value, WorkbookWriter};

use crate::columns::{Column, cell_text, columns, table_row};
use crate::encoder::EncodeError;

/// Maximum number of devices of a workbook: the rows of a sheet without the header.
pub const MAX_SHEET_DEVICES: u64 = MAX_ROWS as u64 - 1;

/// Name of the sheet.
const SHEET: &str = "Devices";

/// Number of the header row.
const HEADER_ROW: u32 = 1;

/// Devices that do not fit on a sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{devices} devices do not fit on a sheet, which has room for {MAX_SHEET_DEVICES}: export CSV, \
     or filter the devices"
)]
pub struct SheetTooSmall {
    /// Number of devices.
    pub devices: u64,
}

/// Checks that devices fit on a sheet, before they are exported.
///
/// # Errors
/// If they are more than [`MAX_SHEET_DEVICES`].
pub fn check_sheet_size(devices: u64) -> Result<(), SheetTooSmall> {
    if devices <= MAX_SHEET_DEVICES {
        Ok(())
    } else {
        Err(SheetTooSmall { devices })
    }
}

/// Writes devices as a workbook, in chunks.
pub(crate) struct SheetEncoder {
    writer: WorkbookWriter<Chunk>,
    chunk: Chunk,
    last_row: u32,
}

impl SheetEncoder {
    /// Starts a workbook with the names of the columns.
    pub(crate) fn new(keys: &[String]) -> io::Result<Self> {
        let chunk = Chunk::default();
        let mut writer = WorkbookWriter::new(chunk.clone(), SHEET, HEADER_ROW)?;
        let names = columns(keys).map(|column| Cell::header(column.name()));
        writer.write_row(HEADER_ROW, names)?;
        Ok(Self {
            writer,
            chunk,
            last_row: HEADER_ROW,
        })
    }

    /// Writes devices.
    ///
    /// # Errors
    /// If the sheet is full, or a device has an attribute without a column.
    pub(crate) fn push(
        &mut self,
        devices: &[NewDevice],
        keys: &[String],
    ) -> Result<(), EncodeError> {
        for device in devices {
            if self.last_row == MAX_ROWS {
                return Err(EncodeError::SheetFull);
            }
            self.last_row += 1;
            let row = table_row(device, keys)?;
            let cells = columns(keys).map(|column| cell(column, column.value(&row)));
            self.writer.write_row(self.last_row, cells)?;
        }
        Ok(())
    }

    /// Takes the bytes that were written since the last call. They may be none: the compression
    /// keeps some.
    pub(crate) fn take(&self) -> Vec<u8> {
        self.chunk.take()
    }

    /// Ends the workbook, and returns its last bytes.
    pub(crate) fn finish(self) -> io::Result<Vec<u8>> {
        self.writer.finish()?;
        Ok(self.chunk.take())
    }
}

/// Returns a cell that an import reads as the value.
fn cell(column: Column<'_>, value: &RawValue<'_>) -> Cell<'static> {
    match (column.format(), value) {
        (_, RawValue::Boolean(value)) => Value::Boolean(*value).into(),
        (Some(Format::Amount), RawValue::Text(text)) => match exact_number(text) {
            Some(number) => Value::Decimal(number).into(),
            None => Cell::text(text.to_string()),
        },
        (Some(Format::Date), RawValue::Text(text)) => match text.parse::<NaiveDate>() {
            Ok(date) if date >= Value::FIRST_DATE => Value::Date(date).into(),
            _ => Cell::text(text.to_string()),
        },
        (_, value) => Cell::text(unprotected(cell_text(value))),
    }
}

/// Returns the number of an amount, if it has no more than the 15 digits that a spreadsheet keeps.
fn exact_number(amount: &str) -> Option<f64> {
    const MAX_DIGITS: usize = 15;

    let digits = amount.bytes().filter(u8::is_ascii_digit).count();
    let number = amount.parse().ok()?;
    (digits <= MAX_DIGITS).then_some(number)
}

/// Adds a space to a text such as `="0012"`, which imports read as `0012`, because exports protect
/// zeros by it. Validation removes the space.
fn unprotected(text: String) -> String {
    if text.starts_with("=\"") && text.ends_with('"') {
        format!(" {text}")
    } else {
        text
    }
}

/// Bytes that were written and not taken yet.
#[derive(Clone, Default)]
struct Chunk(Arc<Mutex<Vec<u8>>>);

impl Chunk {
    fn take(&self) -> Vec<u8> {
        mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Chunk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut chunk = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        chunk.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_beyond_the_last_row_are_rejected() {
        assert_eq!(check_sheet_size(1_048_575), Ok(()));
        let error = check_sheet_size(1_048_576).unwrap_err();
        assert_eq!(
            error.to_string(),
            "1048576 devices do not fit on a sheet, which has room for 1048575: export CSV, or \
             filter the devices"
        );
    }

    #[test]
    fn full_sheet_is_an_error() {
        let device = crate::test_support::device("A");
        let mut encoder = SheetEncoder::new(&[]).unwrap();
        encoder.last_row = MAX_ROWS - 1;
        let devices = [device.clone(), device];
        let result = encoder.push(&devices, &[]);
        assert!(matches!(result, Err(EncodeError::SheetFull)));
        assert_eq!(encoder.last_row, MAX_ROWS);
    }

    #[test]
    fn amounts_that_lose_digits_are_texts() {
        assert_eq!(exact_number("1299.00"), Some(1299.0));
        assert_eq!(exact_number("9999999999999.99"), Some(9_999_999_999_999.99));
        assert_eq!(exact_number("99999999999999.99"), None);
    }
}
