//! Errors of HTTP: the only place where an error becomes a status and a body.

mod body;
mod from_domain;
mod table;

use std::fmt;
use std::time::Duration;

use actix_web::http::header::{ALLOW, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpResponse, ResponseError};
use devices_domain::{ErrorReport, RepositoryError};

/// Error that ends a request.
#[derive(Debug)]
pub enum ApiError {
    /// The body is invalid. The report lists all errors.
    Rejected(ErrorReport),
    /// Parameters of the path or the query are invalid. The report lists all errors.
    RejectedParameters(ErrorReport),
    /// The key is missing or cannot be used. The response is the same for all reasons.
    Unauthorized,
    /// The scope of the key does not allow the operation.
    InsufficientScope,
    /// The key or the address exceeded its rate limit. The client may retry after this time.
    RateLimited(Duration),
    /// A header is malformed. The sentence names the header and its format.
    BadHeader(&'static str),
    /// Another request with this idempotency key is in progress.
    IdempotencyKeyInUse,
    /// The idempotency key was used for another body.
    IdempotencyKeyReused,
    /// The path does not exist.
    NotFound,
    /// The workspace has no such device.
    DeviceNotFound,
    /// The workspace has no such user.
    UserNotFound,
    /// The workspace has no enrolment with this serial number.
    EnrollmentNotFound,
    /// The body of a patch has no field.
    EmptyPatchBody,
    /// The device is archived and cannot be changed.
    DeviceMutationForbidden,
    /// The user has devices and cannot be deleted.
    UserDeleteBlocked,
    /// The condition in `If-Match` does not hold.
    PreconditionFailed,
    /// No format of the response is acceptable to the client.
    NotAcceptable,
    /// The path does not support the method, only these.
    MethodNotAllowed(&'static [Method]),
    /// The body was not received in time.
    RequestTimeout,
    /// The body exceeds the maximum size.
    PayloadTooLarge,
    /// The body is not declared as uncompressed JSON.
    UnsupportedMediaType,
    /// The store was not reachable in time. Nothing was stored.
    Unavailable(RepositoryError),
    /// The connection was lost while a batch was committed: the batch is stored completely or not
    /// at all.
    BatchInDoubt(RepositoryError),
    /// The connection was lost while another change was committed.
    InDoubt(RepositoryError),
    /// A limit of concurrent work is reached, or the server is stopping.
    Busy(&'static str),
    /// Any other error.
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

/// Seconds after which a client may retry if the store was not reachable or a limit was reached.
const RETRY_AFTER_SECONDS: &str = "1";

impl ApiError {
    /// Returns the code of the error; for a report, the code of its first error.
    pub(crate) fn code(&self) -> &'static str {
        self.mapping().code
    }

    /// Returns the cause for the access log. It must not be sent to the client.
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
            Self::RateLimited(wait) => {
                // Rounded up: a client that retries too early would be rejected again.
                let seconds = wait.as_secs_f64().ceil().max(1.0);
                vec![(RETRY_AFTER, HeaderValue::from(seconds as u64))]
            }
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
