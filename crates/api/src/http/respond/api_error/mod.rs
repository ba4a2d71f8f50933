//! HTTP error responses. Only this module turns an error into a status and a body.

mod body;
mod file_body;
mod from_domain;
mod table;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{
    ACCEPT, ALLOW, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpResponse, ResponseError};
use devices_domain::{ErrorReport, RepositoryError};
use devices_import::{FileError, FileLayout, OptionError};

pub(crate) use body::ErrorEntry;

/// Error that is returned to the client as the response.
#[derive(Debug)]
pub enum ApiError {
    /// The body was rejected: it is malformed, or values are invalid. The report lists the errors.
    Rejected(ErrorReport),
    /// Parameters of the path or the query are invalid, or conflicts prevent an operation without
    /// fields. The report lists all errors. They do not point into the body.
    RejectedParameters(ErrorReport),
    /// Rows of a file were rejected. The layout locates the errors of the report.
    RejectedFile(ErrorReport, Arc<FileLayout>),
    /// A file cannot be read or interpreted.
    InvalidFile(FileError),
    /// An option of an import is invalid, or does not fit the file.
    InvalidOption(OptionError),
    /// The API key is missing, malformed, unknown, expired or revoked. The response does not reveal
    /// which.
    Unauthorized,
    /// The scope of the API key does not allow the operation.
    InsufficientScope,
    /// The API key or the address exceeded its rate limit. The client may retry after this time.
    RateLimited(Duration),
    /// A header is malformed. The message, which is sent to the client, names the header and its
    /// format.
    BadHeader(&'static str),
    /// Another request with this idempotency key is in progress.
    IdempotencyKeyInUse,
    /// The idempotency key was used with a different body.
    IdempotencyKeyReused,
    /// No route matches the path.
    NotFound,
    /// The workspace has no such device.
    DeviceNotFound,
    /// The workspace has no such batch, or its event was purged.
    BatchNotFound,
    /// The workspace has no such user.
    UserNotFound,
    /// The workspace has no enrolment with this serial number.
    EnrollmentNotFound,
    /// The workspace has no such key.
    KeyNotFound,
    /// A rule forbids the key of the request to create, rotate or revoke this key. The message is
    /// sent to the client.
    KeyMutationForbidden(&'static str),
    /// The workspace has as many active keys as its quota.
    KeyQuotaExceeded,
    /// The body of a PATCH request has no field.
    EmptyPatchBody,
    /// The device is archived and cannot be changed.
    DeviceMutationForbidden,
    /// Active devices are assigned to the user, who cannot be deleted.
    UserDeleteBlocked,
    /// The workspace has as many users as its quota.
    UserQuotaExceeded,
    /// The workspace has as many enrolments as its quota.
    EnrollmentQuotaExceeded,
    /// The responses stored under idempotency keys of the workspace fill their quota.
    ResponseQuotaExceeded,
    /// Events after the cursor were purged, or an older backup was restored.
    CursorExpired,
    /// The condition in `If-Match` is false.
    PreconditionFailed,
    /// No available media type matches `Accept`.
    NotAcceptable,
    /// The resource does not support the method. It supports these.
    MethodNotAllowed(&'static [Method]),
    /// The body was not received in time.
    RequestTimeout,
    /// The body exceeds the maximum size.
    PayloadTooLarge,
    /// `Content-Type` is not JSON, or `Content-Encoding` is not `identity`.
    UnsupportedMediaType,
    /// `Content-Type` of a PATCH is neither JSON nor a merge patch, or `Content-Encoding` is not
    /// `identity`.
    UnsupportedPatchType,
    /// `Content-Type` is no form with a file, or `Content-Encoding` is not `identity`.
    UnsupportedFormType,
    /// The database was not reachable in time. Nothing was stored.
    Unavailable(RepositoryError),
    /// The connection was lost during the COMMIT of a batch: all of it is stored, or nothing.
    BatchInDoubt(RepositoryError),
    /// The connection was lost during the COMMIT of a change other than a batch.
    InDoubt(RepositoryError),
    /// A concurrency limit is reached, or the server is stopping. The text is logged, not sent.
    Busy(&'static str),
    /// Any other error.
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

/// `Retry-After` in seconds for all retryable errors except rate limits.
const RETRY_AFTER_SECONDS: &str = "1";

impl ApiError {
    /// Returns the code of the error; for a report, the code of its first error.
    pub(crate) fn code(&self) -> &'static str {
        self.mapping().code
    }

    /// Returns the errors of rows and fields of a rejected body.
    pub(crate) fn rejected_rows(&self) -> Option<&ErrorReport> {
        match self {
            Self::Rejected(report) | Self::RejectedFile(report, _) => Some(report),
            _ => None,
        }
    }

    /// Returns the internal cause, for the log only. It must not be sent to the client.
    pub(crate) fn cause(&self) -> Option<String> {
        match self {
            Self::Unavailable(error) | Self::BatchInDoubt(error) | Self::InDoubt(error) => {
                Some(error.to_string())
            }
            Self::Busy(cause) => Some((*cause).to_owned()),
            Self::Internal(error) => Some(error.to_string()),
            _ => None,
        }
    }

    fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let fixed = HeaderValue::from_static;
        match self {
            Self::Unauthorized => vec![(WWW_AUTHENTICATE, fixed("Bearer"))],
            Self::MethodNotAllowed(allowed) => {
                let names: Vec<_> = allowed.iter().map(Method::as_str).collect();
                let names = HeaderValue::from_str(&names.join(", "));
                names.into_iter().map(|names| (ALLOW, names)).collect()
            }
            // RFC 9110, 15.5.16: names what would have been accepted.
            Self::UnsupportedMediaType => vec![(ACCEPT, fixed("application/json"))],
            Self::UnsupportedFormType => vec![(ACCEPT, fixed("multipart/form-data"))],
            // RFC 5789, 3.1.
            Self::UnsupportedPatchType => vec![(
                HeaderName::from_static("accept-patch"),
                fixed("application/json, application/merge-patch+json"),
            )],
            Self::RateLimited(wait) => {
                // Rounded up: a client that retries too early would be rejected again.
                let seconds = wait.as_secs_f64().ceil().max(1.0);
                vec![(RETRY_AFTER, HeaderValue::from(seconds as u64))]
            }
            // Expired responses are purged once per minute.
            Self::ResponseQuotaExceeded => vec![(RETRY_AFTER, fixed("60"))],
            Self::IdempotencyKeyInUse
            | Self::Unavailable(_)
            | Self::BatchInDoubt(_)
            | Self::InDoubt(_)
            | Self::Busy(_) => {
                vec![(RETRY_AFTER, fixed(RETRY_AFTER_SECONDS))]
            }
            _ => Vec::new(),
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.mapping().status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        for header in self.headers() {
            response.insert_header(header);
        }
        body::render(self, &mut response)
    }
}
