//! Conversion of the errors of the API, whose limits and authentication the console shares.

use devices_web::ConsoleError;

use crate::http::respond::api_error::ApiError;

/// Returns the error that the console shows.
pub(super) fn console_error(error: ApiError) -> ConsoleError {
    match error {
        ApiError::Unauthorized => ConsoleError::SignedOut,
        ApiError::RateLimited(wait) => ConsoleError::RateLimited(wait),
        ApiError::PayloadTooLarge => ConsoleError::TooLarge,
        ApiError::RequestTimeout => ConsoleError::Timeout,
        ApiError::UnsupportedFormType => {
            ConsoleError::MalformedForm("the content type is no form with a file")
        }
        ApiError::Rejected(_) => ConsoleError::MalformedForm("the form is malformed or incomplete"),
        ApiError::Busy(cause) => ConsoleError::Busy(cause),
        ApiError::Unavailable(cause) => ConsoleError::Unavailable(cause.to_string()),
        ApiError::InDoubt(cause) => ConsoleError::InDoubt(cause.to_string()),
        ApiError::Internal(cause) => ConsoleError::Internal(cause),
        // The shared steps return no other error.
        other => ConsoleError::Internal(other.code().into()),
    }
}
