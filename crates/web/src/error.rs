//! Errors of requests, shown as pages.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{ALLOW, RETRY_AFTER};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use askama::Template;
use devices_domain::{IdempotencyError, RepositoryError};

use crate::frame::Frame;
use crate::session::SignedIn;
use crate::texts::{EN, ErrorText};

/// Error that the browser shows as a page.
#[derive(Debug)]
pub enum ConsoleError {
    /// The key of a sign-in is not an active one.
    WrongKey,
    /// The request needs a session.
    SignedOut,
    /// The scope of the key does not allow the operation.
    InsufficientScope,
    /// A page of another origin sent the request.
    CrossOrigin,
    /// No page has the path, or the workspace has no such object.
    NotFound,
    /// The path does not support the method, but these.
    MethodNotAllowed(Vec<Method>),
    /// The form is malformed. The text states how, for the log only.
    MalformedForm(&'static str),
    /// The body exceeds the maximum size.
    TooLarge,
    /// The body was not received in time.
    Timeout,
    /// The key or the address exceeded its rate limit. The client may retry after this time.
    RateLimited(Duration),
    /// Another request with the same form has not finished. It stores the form, or has no effect.
    FormInProgress,
    /// The responses stored for forms of the workspace fill their quota. Nothing was stored.
    ResponseQuotaExceeded,
    /// A concurrency limit is reached, or the server is stopping. The text is for the log only.
    Busy(&'static str),
    /// The database was not reachable in time. Nothing was stored.
    Unavailable(String),
    /// The connection was lost during the COMMIT of a change: it is stored, or not.
    InDoubt(String),
    /// Any other error. Its text is for the log only.
    Internal(Box<dyn Error + Send + Sync>),
}

impl ConsoleError {
    /// Returns the code of the error in logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::WrongKey | Self::SignedOut => "UNAUTHORIZED",
            Self::InsufficientScope => "INSUFFICIENT_SCOPE",
            Self::CrossOrigin => "CROSS_ORIGIN",
            Self::NotFound => "NOT_FOUND",
            Self::MethodNotAllowed(_) => "METHOD_NOT_ALLOWED",
            Self::MalformedForm(_) => "INVALID_BODY",
            Self::TooLarge => "PAYLOAD_TOO_LARGE",
            Self::Timeout => "REQUEST_TIMEOUT",
            Self::RateLimited(_) => "RATE_LIMITED",
            Self::FormInProgress => "IDEMPOTENCY_KEY_IN_USE",
            Self::ResponseQuotaExceeded
            | Self::Busy(_)
            | Self::Unavailable(_)
            | Self::InDoubt(_) => "SERVICE_UNAVAILABLE",
            Self::Internal(_) => "INTERNAL_ERROR",
        }
    }

    /// Returns the cause, for the log only.
    pub fn cause(&self) -> Option<String> {
        match self {
            Self::MalformedForm(cause) | Self::Busy(cause) => Some((*cause).to_owned()),
            Self::Unavailable(cause) | Self::InDoubt(cause) => Some(cause.clone()),
            Self::Internal(cause) => Some(cause.to_string()),
            Self::ResponseQuotaExceeded => Some(IdempotencyError::QuotaExceeded.to_string()),
            _ => None,
        }
    }

    /// Begins the response, with its status and headers.
    ///
    /// A 401 has no `WWW-Authenticate`, which RFC 9110 (section 11.6.1) demands: no registered
    /// scheme stands for a form and a cookie, and browsers answer `Basic` with a dialog.
    pub(crate) fn response(&self) -> HttpResponseBuilder {
        let mut response = HttpResponse::build(self.status());
        match self {
            Self::RateLimited(wait) => {
                // Rounded up: a client that retries too early would be rejected again.
                let seconds = wait.as_secs_f64().ceil().max(1.0);
                response.insert_header((RETRY_AFTER, (seconds as u64).to_string()));
            }
            Self::MethodNotAllowed(methods) => {
                let names: Vec<_> = methods.iter().map(Method::as_str).collect();
                response.insert_header((ALLOW, names.join(", ")));
            }
            _ => {}
        }
        response
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::WrongKey | Self::SignedOut => StatusCode::UNAUTHORIZED,
            Self::InsufficientScope | Self::CrossOrigin => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::MalformedForm(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::RateLimited(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::FormInProgress => StatusCode::CONFLICT,
            Self::ResponseQuotaExceeded
            | Self::Busy(_)
            | Self::Unavailable(_)
            | Self::InDoubt(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Returns the page of the error as HTML.
    fn page(&self, frame: Frame) -> askama::Result<String> {
        let page = ErrorPage {
            frame,
            text: self.text(),
            needs_sign_in: matches!(self, Self::SignedOut),
        };
        page.render()
    }

    /// Returns what happened, and what to do.
    pub(crate) fn text(&self) -> &'static ErrorText {
        let errors = &EN.errors;
        match self {
            Self::WrongKey => &errors.wrong_key,
            Self::SignedOut => &errors.signed_out,
            Self::InsufficientScope => &errors.insufficient_scope,
            Self::CrossOrigin => &errors.cross_origin,
            Self::NotFound => &errors.not_found,
            Self::MethodNotAllowed(_) => &errors.method_not_allowed,
            Self::MalformedForm(_) => &errors.malformed_form,
            Self::TooLarge => &errors.too_large,
            Self::Timeout => &errors.timeout,
            Self::RateLimited(_) => &errors.rate_limited,
            Self::FormInProgress => &errors.form_in_progress,
            Self::ResponseQuotaExceeded => &errors.response_quota_exceeded,
            Self::Busy(_) => &errors.busy,
            Self::Unavailable(_) => &errors.unavailable,
            Self::InDoubt(_) => &errors.in_doubt,
            Self::Internal(_) => &errors.internal,
        }
    }
}

impl fmt::Display for ConsoleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl ResponseError for ConsoleError {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = self.response();
        match self.page(Frame::signed_out(self.text().title)) {
            Ok(page) => response.content_type("text/html; charset=utf-8").body(page),
            Err(_) => response.finish(),
        }
    }
}

impl From<RepositoryError> for ConsoleError {
    fn from(error: RepositoryError) -> Self {
        match error {
            RepositoryError::Unavailable(_) => Self::Unavailable(error.to_string()),
            RepositoryError::InDoubt(_) => Self::InDoubt(error.to_string()),
            // `Host::confirm` replaces the response.
            RepositoryError::NotAdmitted => Self::SignedOut,
            RepositoryError::Failed(_) => Self::Internal(error.into()),
        }
    }
}

impl From<IdempotencyError> for ConsoleError {
    fn from(error: IdempotencyError) -> Self {
        match error {
            IdempotencyError::InProgress => Self::FormInProgress,
            IdempotencyError::KeyReused => {
                Self::MalformedForm("its idempotency key belongs to another form")
            }
            IdempotencyError::QuotaExceeded => Self::ResponseQuotaExceeded,
        }
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    frame: Frame,
    text: &'static ErrorText,
    needs_sign_in: bool,
}

/// Shows the navigation and the session on the page of an error.
pub(crate) fn with_session(
    response: ServiceResponse<BoxBody>,
    signed_in: &SignedIn,
) -> ServiceResponse<BoxBody> {
    let error = response.response().error();
    let error = error.and_then(|error| error.as_error::<ConsoleError>());
    let page = error.map(|error| {
        let frame = Frame::without_section(signed_in, error.text().title);
        error.page(frame)
    });
    match page {
        Some(Ok(page)) => response.map_body(|_, _| BoxBody::new(page)),
        _ => response,
    }
}
