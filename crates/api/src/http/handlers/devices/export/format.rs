//! Formats of the HTTP API, and their negotiation.

use actix_web::HttpRequest;
use devices_domain::Reason;
use devices_export::ExportFormat;

use crate::http::extract::accept::{self, AcceptedFormat};
use crate::http::extract::query::InvalidParameter;
use crate::http::respond::api_error::ApiError;

/// All formats of the API with the media ranges of `Accept` that match them, the most specific
/// first. Negotiation prefers the last of equal ones.
const FORMATS: [AcceptedFormat<ExportFormat>; 3] = [
    (ExportFormat::Csv, &["text/csv", "text/*", "*/*"]),
    (
        ExportFormat::Ndjson,
        &[
            "application/x-ndjson",
            "application/ndjson",
            "application/*",
            "*/*",
        ],
    ),
    (
        ExportFormat::Json,
        &["application/json", "application/*", "*/*"],
    ),
];

/// Parses the name of a format.
pub(super) fn parse(text: &str) -> Result<ExportFormat, InvalidParameter> {
    let formats = FORMATS.map(|(format, _)| format);
    let found = formats.into_iter().find(|format| format.as_str() == text);
    found.ok_or_else(|| {
        let names = formats.map(ExportFormat::as_str).join(", ");
        (Reason::NotInEnum, format!("must be one of {names}"))
    })
}

/// Returns the format that `Accept` prefers. Without preference, JSON.
///
/// # Errors
/// `NotAcceptable` if the header accepts no format or is malformed.
pub(super) fn negotiate(request: &HttpRequest) -> Result<ExportFormat, ApiError> {
    accept::negotiate(request, &FORMATS)
}
