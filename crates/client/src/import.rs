//! Imports of files.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::client::Client;
use crate::counts::{PlanCounts, RowCounts};
use crate::error::{ClientError, RowError};
use crate::multipart::Multipart;
use crate::transport::{Idempotency, Request, Response};

/// A file and the options of its import.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportRequest {
    /// Name of the file, without a directory.
    pub file_name: String,
    /// Content of the file.
    pub file: Vec<u8>,
    /// Options: a JSON object, see docs/API.md.
    pub options: Value,
    /// Idempotency key. With a key, the server stores the file once, however often it is sent, and
    /// the client retries.
    pub idempotency_key: Option<String>,
}

/// Response to an import.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImportResponse {
    /// HTTP status: 201, 200, or 207 if rows can be rejected one by one.
    pub status: u16,
    /// The server had stored the file before, with the same idempotency key. This is the response
    /// of that time.
    pub is_replayed: bool,
    /// Result.
    pub result: ImportResult,
}

/// Result of an import.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportResult {
    /// Batch that the rows were stored as.
    pub batch: ImportBatch,
    /// Rejected rows.
    #[serde(default)]
    pub results: Vec<RejectedRow>,
    /// Interpretation of the columns.
    #[serde(default)]
    pub columns: Vec<ImportColumn>,
    /// Warnings.
    #[serde(default)]
    pub warnings: Vec<ImportWarning>,
}

/// Batch of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportBatch {
    /// Number of the batch. `None` if nothing was stored.
    pub id: Option<u64>,
    /// Numbers of its rows.
    #[serde(flatten)]
    pub counts: RowCounts,
}

/// A rejected row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedRow {
    /// Index among the rows with a value, from 0.
    pub index: u64,
    /// Number of the row as the spreadsheet shows it, from 1.
    pub row: Option<u32>,
    /// Errors, at least one.
    pub errors: Vec<RowError>,
}

/// A column and its interpretation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportColumn {
    /// Letters, such as `C`.
    pub column: String,
    /// Text of the header row.
    pub header: String,
    /// Name by which the options address the column: its header, `Header (2)` if an earlier column
    /// has the same, or `Column D` if it has none.
    pub name: String,
    /// First values. Only in a plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<String>,
    /// Field that the column provides. `None`: the column is not used.
    pub field: Option<String>,
    /// Origin of the field: `given`, `name`, `synonym` or `similar`.
    pub by: Option<String>,
}

/// Warning about a column or the file. It does not reject the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportWarning {
    /// Kind, for programs, such as `similar_column`.
    pub kind: String,
    /// Letters of its column.
    pub column: Option<String>,
    /// Sentence for people.
    pub message: String,
}

/// Plan of an import.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportPlan {
    /// Detected properties of the file.
    pub file: ImportedFile,
    /// Interpretation of the columns.
    pub columns: Vec<ImportColumn>,
    /// Required fields that nothing provides.
    #[serde(default)]
    pub missing: Vec<String>,
    /// Warnings.
    #[serde(default)]
    pub warnings: Vec<ImportWarning>,
    /// Numbers of rows.
    pub plan: PlanCounts,
    /// Errors, at least one for each row that would be rejected.
    #[serde(default)]
    pub errors: Vec<RowError>,
}

/// Detected properties of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedFile {
    /// Kind: `xlsx` or `csv`.
    pub kind: String,
    /// Sheet of a workbook that is read.
    #[serde(default)]
    pub sheet: Option<String>,
    /// All sheets of a workbook.
    #[serde(default)]
    pub sheets: Option<Vec<String>>,
    /// Encoding of a text.
    #[serde(default)]
    pub encoding: Option<String>,
    /// Delimiter of a text.
    #[serde(default)]
    pub delimiter: Option<String>,
    /// Number of the header row, from 1, as the spreadsheet shows it.
    pub header_row: u32,
    /// Rows with a value, without the header.
    pub rows: u64,
}

/// Format of a file of rejected rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectedFormat {
    /// Text, in the encoding and with the delimiter of the file.
    Csv,
    /// A workbook with every cell as text. Invalid cells are marked.
    Xlsx,
}

impl RejectedFormat {
    fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }
}

impl Client {
    /// Imports a file in one transaction.
    ///
    /// # Errors
    /// `Status` with [errors of rows](ClientError::report) for a rejected file, and the errors of
    /// any request.
    pub fn import(&self, request: &ImportRequest) -> Result<ImportResponse, ClientError> {
        let idempotency = if request.idempotency_key.is_some() {
            Idempotency::Idempotent
        } else {
            Idempotency::NotIdempotent
        };
        let path = "/devices/import";
        let response = self.send_file(path, "application/json", request, idempotency)?;
        Ok(ImportResponse {
            status: response.status,
            is_replayed: response.header("Idempotent-Replayed") == Some("true"),
            result: response.data()?,
        })
    }

    /// Returns the plan of an [`import`](Self::import). Stores nothing.
    ///
    /// # Errors
    /// `Status` for a file that cannot be read or interpreted, and the errors of any request.
    pub fn validate_import(&self, request: &ImportRequest) -> Result<ImportPlan, ClientError> {
        let path = "/devices/import/validate";
        let idempotent = Idempotency::Idempotent;
        self.send_file(path, "application/json", request, idempotent)?
            .data()
    }

    /// Returns a file with only the rows that [`import`](Self::import) would reject now, in the
    /// columns of the file, with a last column `Error`. An import ignores this column.
    ///
    /// # Errors
    /// `Status` for a file that cannot be read or interpreted, and the errors of any request.
    pub fn rejected_rows(
        &self,
        request: &ImportRequest,
        format: RejectedFormat,
    ) -> Result<Vec<u8>, ClientError> {
        let path = "/devices/import/validate";
        let idempotent = Idempotency::Idempotent;
        let response = self.send_file(path, format.media_type(), request, idempotent)?;
        Ok(response.body)
    }

    fn send_file(
        &self,
        path: &str,
        accept: &str,
        request: &ImportRequest,
        idempotency: Idempotency,
    ) -> Result<Response, ClientError> {
        let multipart = Multipart::new(&request.file_name, &request.file, &request.options);
        let request = Request {
            accept,
            idempotency_key: request.idempotency_key.as_deref(),
            ..Request::post(path, &multipart.content_type, &multipart.body)
        };
        self.send(request, idempotency)
    }
}
