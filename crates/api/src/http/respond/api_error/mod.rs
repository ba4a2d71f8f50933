//! What HTTP says went wrong: the one place where it becomes a status and a body.

use std::fmt;
use std::time::Duration;

use actix_web::http::header::{ALLOW, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpResponse, ResponseError};
use devices_domain::{
    ChangeDeviceError, ChangeUserError, CreateDevicesError, ErrorCode, ErrorReport, FieldError,
    IdempotencyError, Reason, Related, RepositoryError, RowError, UpdateDeviceError,
};
use serde::Serialize;

/// Why a request was not carried out.
#[derive(Debug)]
pub enum ApiError {
    /// The body was refused: everything that is wrong with it.
    Rejected(ErrorReport),
    /// What stands in the path or the query was refused: everything that is wrong with it.
    RejectedParameters(ErrorReport),
    /// No key, or none that can be used. Says no more, whatever the reason.
    Unauthorized,
    /// The key does not allow it.
    InsufficientScope,
    /// The key, or the address, has asked too often; after this time it may ask again.
    RateLimited(Duration),
    /// A header that cannot be read; says which, and what it must be.
    BadHeader(&'static str),
    /// A request with this idempotency key is being carried out.
    IdempotencyKeyInUse,
    /// The idempotency key was used for another body.
    IdempotencyKeyReused,
    /// There is nothing at this path.
    NotFound,
    /// The workspace has no such device.
    DeviceNotFound,
    /// The workspace has no such user.
    UserNotFound,
    /// The workspace has no enrolment of this serial number.
    EnrollmentNotFound,
    /// A patch that says nothing.
    EmptyPatchBody,
    /// An archived device stays what it is.
    DeviceMutationForbidden,
    /// Devices are given to the user.
    UserDeleteBlocked,
    /// What `If-Match` says does not hold.
    PreconditionFailed,
    /// There is no answer of a kind that the client accepts.
    NotAcceptable,
    /// The path does not know this method, but these.
    MethodNotAllowed(&'static [Method]),
    /// The body did not arrive in time.
    RequestTimeout,
    /// The body is longer than it may be.
    PayloadTooLarge,
    /// The body is not JSON by its own account.
    UnsupportedMediaType,
    /// The store cannot be reached in time, and nothing was stored.
    Unavailable(RepositoryError),
    /// The store was lost while it stored a batch: all of it may be there, or nothing.
    BatchInDoubt(RepositoryError),
    /// The store was lost while it stored something else.
    InDoubt(RepositoryError),
    /// There is no room for one more of these.
    Busy(&'static str),
    /// Anything else.
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

/// After how many seconds a client may try again once the store was out of reach, or busy.
const RETRY_AFTER_SECONDS: &str = "1";

impl ApiError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Rejected(report) if report.has_only_unknown_users() => StatusCode::NOT_FOUND,
            Self::Rejected(_) | Self::RejectedParameters(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::InsufficientScope => StatusCode::FORBIDDEN,
            Self::RateLimited(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::BadHeader(_) => StatusCode::BAD_REQUEST,
            Self::IdempotencyKeyInUse => StatusCode::CONFLICT,
            Self::IdempotencyKeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::NotFound
            | Self::DeviceNotFound
            | Self::UserNotFound
            | Self::EnrollmentNotFound => StatusCode::NOT_FOUND,
            Self::EmptyPatchBody => StatusCode::BAD_REQUEST,
            Self::DeviceMutationForbidden | Self::UserDeleteBlocked => StatusCode::FORBIDDEN,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unavailable(_) | Self::BatchInDoubt(_) | Self::InDoubt(_) | Self::Busy(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The word that names the problem; of a refused batch, the code of its first error.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Rejected(report) | Self::RejectedParameters(report) => report
                .entries()
                .first()
                .map_or("INVALID_BODY", |first| first.error.code.as_str()),
            Self::Unauthorized => "UNAUTHORIZED",
            Self::InsufficientScope => "INSUFFICIENT_SCOPE",
            Self::RateLimited(_) => "RATE_LIMITED",
            Self::BadHeader(_) => "INVALID_HEADER",
            Self::IdempotencyKeyInUse => "IDEMPOTENCY_KEY_IN_USE",
            Self::IdempotencyKeyReused => "IDEMPOTENCY_KEY_REUSED",
            Self::NotFound => "NOT_FOUND",
            Self::DeviceNotFound => "DEVICE_NOT_FOUND",
            Self::UserNotFound => "USER_NOT_FOUND",
            Self::EnrollmentNotFound => "ENROLLMENT_NOT_FOUND",
            Self::EmptyPatchBody => "EMPTY_PATCH_BODY",
            Self::DeviceMutationForbidden => "DEVICE_MUTATION_FORBIDDEN",
            Self::UserDeleteBlocked => "USER_DELETE_BLOCKED",
            Self::PreconditionFailed => "PRECONDITION_FAILED",
            Self::NotAcceptable => "NOT_ACCEPTABLE",
            Self::MethodNotAllowed(_) => "METHOD_NOT_ALLOWED",
            Self::RequestTimeout => "REQUEST_TIMEOUT",
            Self::PayloadTooLarge => "PAYLOAD_TOO_LARGE",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::Unavailable(_) | Self::BatchInDoubt(_) | Self::InDoubt(_) | Self::Busy(_) => {
                "SERVICE_UNAVAILABLE"
            }
            Self::Internal(_) => "INTERNAL_ERROR",
        }
    }

    /// What the operator must know and the client must not.
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
                // Whole seconds, and never too few.
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

impl From<RepositoryError> for ApiError {
    fn from(error: RepositoryError) -> Self {
        match error {
            RepositoryError::Unavailable(_) => Self::Unavailable(error),
            RepositoryError::InDoubt(_) => Self::InDoubt(error),
            RepositoryError::Failed(_) => Self::Internal(error.into()),
        }
    }
}

impl From<CreateDevicesError> for ApiError {
    fn from(error: CreateDevicesError) -> Self {
        match error {
            CreateDevicesError::Rejected(report) => Self::Rejected(report),
            CreateDevicesError::Idempotency(IdempotencyError::InProgress) => {
                Self::IdempotencyKeyInUse
            }
            CreateDevicesError::Idempotency(IdempotencyError::KeyReused) => {
                Self::IdempotencyKeyReused
            }
            CreateDevicesError::Repository(error @ RepositoryError::InDoubt(_)) => {
                Self::BatchInDoubt(error)
            }
            CreateDevicesError::Repository(error) => error.into(),
        }
    }
}

impl From<UpdateDeviceError> for ApiError {
    fn from(error: UpdateDeviceError) -> Self {
        match error {
            UpdateDeviceError::NotFound => Self::DeviceNotFound,
            UpdateDeviceError::Archived => Self::DeviceMutationForbidden,
            UpdateDeviceError::PreconditionFailed => Self::PreconditionFailed,
            UpdateDeviceError::Empty => Self::EmptyPatchBody,
            UpdateDeviceError::Rejected(report) => Self::Rejected(report),
            UpdateDeviceError::Repository(error) => error.into(),
        }
    }
}

impl From<ChangeDeviceError> for ApiError {
    fn from(error: ChangeDeviceError) -> Self {
        match error {
            ChangeDeviceError::NotFound => Self::DeviceNotFound,
            ChangeDeviceError::Archived => Self::DeviceMutationForbidden,
            ChangeDeviceError::PreconditionFailed => Self::PreconditionFailed,
            // A device is archived without being judged.
            ChangeDeviceError::Rejected(_) => Self::Internal(error.into()),
            ChangeDeviceError::Repository(error) => error.into(),
        }
    }
}

impl From<ChangeUserError> for ApiError {
    fn from(error: ChangeUserError) -> Self {
        match error {
            ChangeUserError::NotFound => Self::UserNotFound,
            ChangeUserError::EmailTaken(holder) => FieldError::new(
                "email",
                ErrorCode::UserEmailConflict,
                Reason::AlreadyExists,
                format!("is the address of user {holder}"),
            )
            .with(Related::ExistingUser(holder))
            .into(),
            ChangeUserError::Rejected(error) => error.into(),
            ChangeUserError::HasDevices => Self::UserDeleteBlocked,
            ChangeUserError::Repository(error) => error.into(),
        }
    }
}

impl From<ErrorReport> for ApiError {
    fn from(report: ErrorReport) -> Self {
        Self::Rejected(report)
    }
}

impl From<FieldError> for ApiError {
    fn from(error: FieldError) -> Self {
        ErrorReport::from_error(error).into()
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status());
        for header in self.headers() {
            response.insert_header(header);
        }
        match self {
            Self::Rejected(report) => response.json(InvalidValue::of(report, Entry::of)),
            Self::RejectedParameters(report) => {
                response.json(InvalidValue::of(report, Entry::of_parameter))
            }
            Self::BadHeader(sentence) => response.json(InvalidValue::saying(sentence)),
            Self::InDoubt(_) => response.json(InvalidValue {
                message: Some(
                    "The change may have been stored. Look whether it is there before you send it again.",
                ),
                ..InvalidValue::saying(self.code())
            }),
            Self::BatchInDoubt(_) => response.json(InvalidValue {
                message: Some(
                    "The batch may have been stored. If it had an Idempotency-Key, send it again with \
                     the same one: it is stored once. If not, look whether it is there first.",
                ),
                ..InvalidValue::saying(self.code())
            }),
            Self::UserDeleteBlocked => response.json(InvalidValue {
                message: Some(
                    "Devices are given to the user: GET /devices?user_id= lists them. Give them to another, or \
                     archive them, first.",
                ),
                ..InvalidValue::saying(self.code())
            }),
            _ => response.json(InvalidValue::saying(self.code())),
        }
    }
}

#[derive(Serialize)]
struct InvalidValue<E> {
    error: E,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<Entry>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors_total: Option<usize>,
}

impl InvalidValue<&'static str> {
    fn saying(error: &'static str) -> Self {
        Self {
            error,
            message: None,
            errors: None,
            errors_total: None,
        }
    }
}

impl InvalidValue<String> {
    fn of(report: &ErrorReport, entry: impl Fn(&RowError) -> Entry) -> Self {
        let entries: Vec<_> = report.entries().iter().map(entry).collect();
        let error = match entries.first() {
            Some(first) if first.is_business_rule => first.code.to_owned(),
            Some(first) => first.message.clone(),
            None => String::new(),
        };
        Self {
            error,
            message: None,
            errors: Some(entries),
            errors_total: Some(report.total()),
        }
    }
}

#[derive(Serialize)]
struct Entry {
    index: Option<usize>,
    pointer: String,
    field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<usize>,
    code: &'static str,
    reason: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate_of: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    existing_device_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    existing_user_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    did_you_mean: Option<&'static str>,
    #[serde(skip)]
    is_business_rule: bool,
}

impl Entry {
    /// What is wrong in the path or the query, where no pointer leads.
    fn of_parameter(error: &RowError) -> Self {
        Self {
            pointer: String::new(),
            ..Self::of(error)
        }
    }

    fn of(error: &RowError) -> Self {
        let RowError { index, error } = error;
        let mut pointer = String::new();
        let mut subject = String::new();
        let mut row = String::new();
        if let Some(index) = index {
            pointer = format!("/devices/{index}");
            subject = format!("devices[{index}]");
            row = format!("{subject}: ");
        }
        if let Some(field) = &error.field {
            // RFC 6901: `~` and `/` of a name are written `~0` and `~1`.
            pointer.push('/');
            pointer.push_str(&field.replace('~', "~0").replace('/', "~1"));
            subject.push_str(&member(field, !subject.is_empty()));
        }
        if let Some(item) = error.item {
            pointer.push_str(&format!("/{item}"));
            subject.push_str(&format!("[{item}]"));
        }
        if subject.is_empty() {
            subject.push_str("The body");
        }
        let mut entry = Self {
            index: *index,
            pointer,
            field: error.field.as_ref().map(ToString::to_string),
            item: error.item,
            code: error.code.as_str(),
            reason: error.reason.as_str(),
            message: if error.is_sentence() {
                format!("{row}{}", error.detail)
            } else {
                format!("{subject} {}", error.detail)
            },
            duplicate_of: None,
            existing_device_id: None,
            existing_user_id: None,
            did_you_mean: None,
            is_business_rule: error.code.is_business_rule(),
        };
        match error.related {
            Some(Related::DuplicateOf(row)) => entry.duplicate_of = Some(row),
            Some(Related::ExistingDevice(device)) => entry.existing_device_id = Some(device.0),
            Some(Related::ExistingUser(user)) => entry.existing_user_id = Some(user.0),
            Some(Related::DidYouMean(name)) => entry.did_you_mean = Some(name),
            None => {}
        }
        entry
    }
}

/// A name as messages show it: one that cannot be seen, or could be misread, is quoted and escaped.
fn member(name: &str, of_something: bool) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match (!name.is_empty() && name.chars().all(is_plain), of_something) {
        (true, true) => format!(".{name}"),
        (true, false) => name.to_owned(),
        (false, true) => format!("[{name:?}]"),
        (false, false) => format!("{name:?}"),
    }
}
