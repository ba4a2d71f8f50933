//! Exports.

use std::io::{self, Read};

use ureq::BodyReader;

use crate::client::Client;
use crate::devices::DeviceFilter;
use crate::error::ClientError;
use crate::transport::{Request, target};

/// Format of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// CSV in UTF-8, with a header line.
    Csv,
    /// CSV with a byte order mark, so that Excel reads it as UTF-8.
    CsvForExcel,
    /// One JSON object per line.
    Ndjson,
    /// One JSON object: a body of `POST /devices`.
    Json,
}

impl ExportFormat {
    /// Returns the value of the parameter `format`.
    fn as_str(self) -> &'static str {
        match self {
            Self::Csv | Self::CsvForExcel => "csv",
            Self::Ndjson => "ndjson",
            Self::Json => "json",
        }
    }
}

/// Bytes of an export, as they arrive. If the connection is lost, reading fails: the bytes before
/// are then not all devices.
pub struct Export {
    body: BodyReader<'static>,
}

impl Read for Export {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.body.read(buffer)
    }
}

impl Client {
    /// Exports the devices that match, oldest first, with the fields of a new device.
    ///
    /// # Errors
    /// The errors of any request.
    pub fn export(
        &self,
        filter: &DeviceFilter,
        format: ExportFormat,
    ) -> Result<Export, ClientError> {
        let mut parameters = filter.parameters();
        parameters.push(("format".to_owned(), format.as_str().to_owned()));
        if format == ExportFormat::CsvForExcel {
            parameters.push(("bom".to_owned(), "true".to_owned()));
        }
        let target = target("/devices/export", &parameters);
        let request = Request {
            accept: "*/*",
            ..Request::get(&target)
        };
        Ok(Export {
            body: self.stream(request)?,
        })
    }
}
