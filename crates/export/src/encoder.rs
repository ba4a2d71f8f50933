//! Encoding of devices in every format.

use std::io;

use devices_domain::NewDevice;

use crate::columns::{Column, cell_text, columns, table_row};
use crate::format::ExportFormat;
use crate::json::{encode_json, encode_ndjson};
use crate::sheet::{MAX_SHEET_DEVICES, SheetEncoder};

/// A device that cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// A table cannot get a column after its header was sent.
    #[error("a device got an attribute after the header was sent")]
    NewAttribute,
    /// The sheet has no further row.
    #[error("the export has more than {MAX_SHEET_DEVICES} devices, which do not fit on a sheet")]
    SheetFull,
    /// The CSV is invalid.
    #[error(transparent)]
    Csv(#[from] csv::Error),
    /// The JSON is invalid.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The workbook exceeds the limits of its format.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Encoder of an export, as a stream of chunks.
pub struct Encoder {
    format: ExportFormat,
    /// Keys of the attributes that have a column, sorted.
    attribute_keys: Vec<String>,
    has_started: bool,
    /// Boxed, because the buffers of the compression are large.
    sheet: Option<Box<SheetEncoder>>,
}

impl Encoder {
    /// Creates an encoder. `attribute_keys` are the sorted keys of all attributes, for a format
    /// that has [columns](ExportFormat::has_columns).
    #[must_use]
    pub fn new(format: ExportFormat, attribute_keys: Vec<String>) -> Self {
        Self {
            format,
            attribute_keys,
            has_started: false,
            sheet: None,
        }
    }

    /// Encodes the next devices. The first chunk has the header, the last one the end. A chunk of a
    /// workbook may be empty.
    ///
    /// # Errors
    /// If a device has an attribute without a column, or does not fit on the sheet: the export
    /// would lose it.
    pub fn encode(&mut self, devices: &[NewDevice], is_last: bool) -> Result<Vec<u8>, EncodeError> {
        let is_first = !self.has_started;
        self.has_started = true;
        Ok(match self.format {
            ExportFormat::Csv => encode_csv(devices, &self.attribute_keys, is_first)?,
            ExportFormat::Ndjson => encode_ndjson(devices)?,
            ExportFormat::Json => encode_json(devices, is_first, is_last)?,
            ExportFormat::Xlsx => self.encode_sheet(devices, is_last)?,
        })
    }

    fn encode_sheet(
        &mut self,
        devices: &[NewDevice],
        is_last: bool,
    ) -> Result<Vec<u8>, EncodeError> {
        let keys = &self.attribute_keys;
        let mut sheet = match self.sheet.take() {
            Some(sheet) => sheet,
            None => Box::new(SheetEncoder::new(keys)?),
        };
        sheet.push(devices, keys)?;
        if is_last {
            return Ok(sheet.finish()?);
        }
        let chunk = sheet.take();
        self.sheet = Some(sheet);
        Ok(chunk)
    }
}

fn encode_csv(
    devices: &[NewDevice],
    keys: &[String],
    is_first: bool,
) -> Result<Vec<u8>, EncodeError> {
    let mut chunk = Vec::new();
    let mut csv = csv::Writer::from_writer(&mut chunk);
    if is_first {
        csv.write_record(columns(keys).map(Column::name))?;
    }
    for device in devices {
        let row = table_row(device, keys)?;
        csv.write_record(columns(keys).map(|column| cell_text(column.value(&row))))?;
    }
    csv.flush()?;
    drop(csv);
    Ok(chunk)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::device_with_attribute;

    #[test]
    fn empty_export_is_valid_in_every_text_format() {
        let encode = |format: ExportFormat| {
            let encoded = Encoder::new(format, Vec::new()).encode(&[], true).unwrap();
            String::from_utf8(encoded).unwrap()
        };
        assert_eq!(encode(ExportFormat::Json), r#"{"devices":[]}"#);
        assert_eq!(encode(ExportFormat::Ndjson), "");
        let header: Vec<_> = columns(&[]).map(Column::name).collect();
        assert_eq!(encode(ExportFormat::Csv), header.join(",") + "\n");
    }

    #[test]
    fn table_with_attribute_without_column_is_an_error() {
        let device = [device_with_attribute("Room", "B12")];
        for format in [ExportFormat::Csv, ExportFormat::Xlsx] {
            let encode = |keys: Vec<String>| Encoder::new(format, keys).encode(&device, true);
            assert!(encode(vec!["Room".to_owned()]).is_ok());
            assert!(matches!(encode(Vec::new()), Err(EncodeError::NewAttribute)));
        }
    }
}
