//! Errors of requests.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Error of a request. Messages contain no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The URL is not one of a server.
    #[error("invalid URL of the server: {0}")]
    InvalidUrl(String),
    /// The key cannot be sent as a header.
    #[error("the key is empty, or contains characters that no key has")]
    InvalidKey,
    /// A variable of the environment that names a proxy has an invalid value.
    #[error("the proxy in {0} is invalid: it must be like http://proxy.example:3128")]
    InvalidProxy(&'static str),
    /// There is no connection, or it was lost. Retries, if any, failed, too.
    #[error("no response from {url}: {reason}{}", may_have_stored_text(*may_have_stored))]
    Unreachable {
        /// URL of the server.
        url: String,
        /// Cause, for people.
        reason: String,
        /// The server may have carried out the request, whose response was lost.
        may_have_stored: bool,
    },
    /// The server rejected the request.
    #[error("{message}")]
    Status {
        /// HTTP status.
        status: u16,
        /// Code, such as `BATCH_NOT_FOUND`, or a sentence. Empty if the body has none.
        code: String,
        /// Sentence for people.
        message: String,
        /// Body as JSON. `Null` if it is none.
        body: Value,
        /// Id of the request in the log of the server.
        request_id: Option<String>,
    },
    /// The server redirects to another URL.
    #[error("{url} redirects to {location}. Use the URL to which it leads.")]
    Redirected {
        /// URL of the request.
        url: String,
        /// URL of the response.
        location: String,
    },
    /// The response is not one of a device registry.
    #[error("the response of {url} is not one of a device registry: {reason}")]
    InvalidResponse {
        /// URL of the request.
        url: String,
        /// Defect of the response, for people.
        reason: String,
    },
}

fn may_have_stored_text(may_have_stored: bool) -> &'static str {
    if may_have_stored {
        ". The server may have carried out the request"
    } else {
        ""
    }
}

impl ClientError {
    /// Names the batch in the error of a batch that does not exist.
    pub(crate) fn of_batch(mut self, id: u64) -> Self {
        if let Self::Status { code, message, .. } = &mut self
            && code == "BATCH_NOT_FOUND"
        {
            *message = format!("there is no batch {id}");
        }
        self
    }

    /// Returns the errors of the rows that rejected the request.
    pub fn report(&self) -> Option<ErrorReport> {
        match self {
            Self::Status { body, .. } => ErrorReport::deserialize(body).ok(),
            _ => None,
        }
    }

    /// Returns the HTTP status of a request that the server rejected.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Returns the code of a request that the server rejected, such as `BATCH_NOT_FOUND`.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Status { code, .. } => Some(code),
            _ => None,
        }
    }

    /// Creates the error of a response with a status of 400 or more.
    pub(crate) fn from_response(status: u16, body: &[u8], request_id: Option<String>) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let code = body["error"].as_str().unwrap_or_default().to_owned();
        let message = body["message"].as_str();
        let message = message.map_or_else(|| message_of(status, &code, &body), ToOwned::to_owned);
        Self::Status {
            status,
            code,
            message,
            body,
            request_id,
        }
    }
}

/// Returns a sentence about an error without a `message` of its own.
fn message_of(status: u16, code: &str, body: &Value) -> String {
    if let Some(message) = body["errors"][0]["message"].as_str() {
        return message.to_owned();
    }
    let known = match code {
        "" => return format!("the server responded with status {status} and no reason"),
        "UNAUTHORIZED" => "the server does not accept the key: it is wrong, expired or revoked",
        "INSUFFICIENT_SCOPE" => "the key may only read. Use a key with the scope WRITE",
        "NOT_FOUND" | "METHOD_NOT_ALLOWED" => {
            "the server does not support this. Check the URL and the version of the server"
        }
        "BATCH_NOT_FOUND" => "there is no such batch",
        "DEVICE_NOT_FOUND" => "there is no such device",
        "PAYLOAD_TOO_LARGE" => "the file is larger than the server accepts",
        "RATE_LIMITED" => "the rate limit of the key is reached. Retry later",
        "SERVICE_UNAVAILABLE" => "the server is too busy, or has no database. Retry later",
        "REQUEST_TIMEOUT" => "the file arrived too slowly",
        "IDEMPOTENCY_KEY_IN_USE" => "the same request is in progress. Retry later",
        "IDEMPOTENCY_KEY_REUSED" => "the idempotency key was used for another request",
        "INTERNAL_ERROR" => "the server has an internal error. Report it to its operator",
        _ => return code.to_owned(),
    };
    known.to_owned()
}

/// Errors of the rows that rejected a request.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ErrorReport {
    /// Reason of a file that cannot be read, such as `ambiguous_date`.
    pub reason: Option<String>,
    /// Errors, at most 1,000.
    pub errors: Vec<RowError>,
    /// Number of all errors.
    pub errors_total: u64,
}

/// Error of a row, or of a file or an option as a whole. Contains no value of the row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RowError {
    /// Index of the row among the rows with a value, from 0. `None`: the request as a whole.
    pub index: Option<u64>,
    /// Number of the row as the spreadsheet shows it, from 1.
    pub row: Option<u32>,
    /// Letters of the column, such as `C`.
    pub column: Option<String>,
    /// Text of the header of the column.
    pub header: Option<String>,
    /// JSON Pointer into the request.
    pub pointer: Option<String>,
    /// Field, such as `serial_number`.
    pub field: Option<String>,
    /// Code, such as `INVALID_SERIAL_NUMBER`.
    pub code: Option<String>,
    /// Reason, for programs: a stable lower-case word.
    pub reason: Option<String>,
    /// Index of an earlier row with the same serial number or asset tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate_of: Option<u64>,
    /// Sentence for people.
    pub message: String,
}

impl fmt::Display for RowError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(row) = self.row {
            write!(formatter, "row {row}")?;
            if let Some(column) = &self.column {
                write!(formatter, ", column {column}")?;
            }
            write!(formatter, ": ")?;
        }
        formatter.write_str(&self.message)
    }
}
