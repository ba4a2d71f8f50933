//! Formats of an export, and their negotiation.

use actix_web::HttpRequest;
use devices_domain::Reason;

use crate::http::extract::accept;
use crate::http::extract::query::InvalidParameter;
use crate::http::respond::api_error::ApiError;

/// Format of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExportFormat {
    /// A body of `POST /devices`.
    Json,
    /// One JSON object per line.
    Ndjson,
    /// A header line with the field names, then one line per device. The items of a list are
    /// separated by line breaks inside their cell.
    Csv,
}

impl ExportFormat {
    /// All formats. Negotiation prefers the last of equal ones.
    const ALL: [Self; 3] = [Self::Csv, Self::Ndjson, Self::Json];

    /// Parses the name of a format.
    pub(super) fn parse(text: &str) -> Result<Self, InvalidParameter> {
        let mut formats = Self::ALL.into_iter();
        formats
            .find(|format| format.as_str() == text)
            .ok_or_else(|| {
                let names = Self::ALL.map(Self::as_str).join(", ");
                (Reason::NotInEnum, format!("must be one of {names}"))
            })
    }

    /// Returns the name, which is also the file extension.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8; header=present",
        }
    }

    /// Returns the media ranges of `Accept` that match the format, the most specific first.
    fn media_ranges(self) -> &'static [&'static str] {
        match self {
            Self::Json => &["application/json", "application/*", "*/*"],
            Self::Ndjson => &[
                "application/x-ndjson",
                "application/ndjson",
                "application/*",
                "*/*",
            ],
            Self::Csv => &["text/csv", "text/*", "*/*"],
        }
    }

    /// Returns the format that `Accept` prefers. Without preference, JSON.
    ///
    /// # Errors
    /// `NotAcceptable` if the header accepts no format or is malformed.
    pub(super) fn negotiate(request: &HttpRequest) -> Result<Self, ApiError> {
        accept::negotiate(
            request,
            &Self::ALL.map(|format| (format, format.media_ranges())),
        )
    }
}
