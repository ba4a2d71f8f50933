//! Table of all errors: the status, the code and the message of each.
//!
//! Both matches are exhaustive: an error without a line here does not compile.

use actix_web::http::StatusCode;
use devices_domain::{ErrorCode, ErrorReport};

use super::ApiError;

/// Status, code and message of an error.
pub(super) struct Mapping {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    /// Advice for the client, if the code alone does not say what to do.
    pub(super) message: Option<&'static str>,
}

impl Mapping {
    const fn new(status: StatusCode, code: &'static str) -> Self {
        Self {
            status,
            code,
            message: None,
        }
    }

    const fn with_message(self, message: &'static str) -> Self {
        Self {
            message: Some(message),
            ..self
        }
    }
}

const UNSUPPORTED_MEDIA_TYPE: Mapping =
    Mapping::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE");

const PAYLOAD_TOO_LARGE: Mapping = Mapping::new(StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE")
    .with_message(
        "The body is larger than the server accepts. Send a smaller one, such as with fewer rows, \
         or ask the operator to raise DEVICES__LIMITS__BODY_BYTES or, for files, DEVICES__LIMITS__MAX_IMPORT_BYTES.",
    );

const UNAVAILABLE: Mapping = Mapping::new(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE");

impl ApiError {
    /// Returns the mapping of the error.
    pub(super) fn mapping(&self) -> Mapping {
        match self {
            Self::Rejected(report) | Self::RejectedParameters(report) => report_mapping(report),
            Self::RejectedFile(report, _) => Mapping {
                // The file is at fault, also if all its errors are unknown users.
                status: StatusCode::BAD_REQUEST,
                ..report_mapping(report)
            },
            Self::InvalidFile(_) => Mapping::new(StatusCode::BAD_REQUEST, "INVALID_FILE"),
            Self::InvalidOption(_) => Mapping::new(StatusCode::BAD_REQUEST, "INVALID_BODY"),
            Self::BadHeader(_) => Mapping::new(StatusCode::BAD_REQUEST, "INVALID_HEADER"),
            Self::EmptyPatchBody => Mapping::new(StatusCode::BAD_REQUEST, "EMPTY_PATCH_BODY"),
            Self::Unauthorized => Mapping::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED"),
            Self::InsufficientScope => Mapping::new(StatusCode::FORBIDDEN, "INSUFFICIENT_SCOPE"),
            Self::DeviceMutationForbidden => {
                Mapping::new(StatusCode::FORBIDDEN, "DEVICE_MUTATION_FORBIDDEN")
            }
            Self::UserDeleteBlocked => Mapping::new(StatusCode::FORBIDDEN, "USER_DELETE_BLOCKED")
                .with_message(
                    "The user has devices: GET /devices?user_id= lists them. Assign them to \
                     another user or archive them first.",
                ),
            Self::UserQuotaExceeded => Mapping::new(StatusCode::BAD_REQUEST, "USER_QUOTA_EXCEEDED")
                .with_message(
                    "The workspace has its maximum number of users. Delete users without devices, \
                     or ask the operator to raise DEVICES__LIMITS__USERS_PER_WORKSPACE.",
                ),
            Self::EnrollmentQuotaExceeded => {
                Mapping::new(StatusCode::BAD_REQUEST, "ENROLLMENT_QUOTA_EXCEEDED").with_message(
                    "The workspace has its maximum number of enrolments. Delete enrolments of \
                     devices that are no longer managed, or ask the operator to raise \
                     DEVICES__LIMITS__ENROLLMENTS_PER_WORKSPACE.",
                )
            }
            Self::KeyMutationForbidden(message) => {
                Mapping::new(StatusCode::FORBIDDEN, "KEY_MUTATION_FORBIDDEN").with_message(message)
            }
            Self::KeyQuotaExceeded => Mapping::new(StatusCode::BAD_REQUEST, "KEY_QUOTA_EXCEEDED")
                .with_message(
                    "The workspace has its maximum number of active keys. Revoke keys that are not \
                     used any more, or ask the operator to raise \
                     DEVICES__LIMITS__KEYS_PER_WORKSPACE.",
                ),
            Self::NotFound => Mapping::new(StatusCode::NOT_FOUND, "NOT_FOUND"),
            Self::DeviceNotFound => Mapping::new(StatusCode::NOT_FOUND, "DEVICE_NOT_FOUND"),
            Self::BatchNotFound => Mapping::new(StatusCode::NOT_FOUND, "BATCH_NOT_FOUND"),
            Self::UserNotFound => Mapping::new(StatusCode::NOT_FOUND, "USER_NOT_FOUND"),
            Self::EnrollmentNotFound => Mapping::new(StatusCode::NOT_FOUND, "ENROLLMENT_NOT_FOUND"),
            Self::KeyNotFound => Mapping::new(StatusCode::NOT_FOUND, "KEY_NOT_FOUND"),
            Self::MethodNotAllowed(_) => {
                Mapping::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED")
            }
            Self::NotAcceptable => Mapping::new(StatusCode::NOT_ACCEPTABLE, "NOT_ACCEPTABLE"),
            Self::RequestTimeout => Mapping::new(StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT"),
            Self::IdempotencyKeyInUse => {
                Mapping::new(StatusCode::CONFLICT, "IDEMPOTENCY_KEY_IN_USE")
            }
            Self::CursorExpired => Mapping::new(StatusCode::GONE, "CURSOR_EXPIRED").with_message(
                "Events after the cursor were purged, or an older backup of the database was \
                 restored. Read the feed again without after, and then the devices, users and \
                 enrolments.",
            ),
            Self::PreconditionFailed => {
                Mapping::new(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED")
            }
            Self::PayloadTooLarge => PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => UNSUPPORTED_MEDIA_TYPE.with_message(
                "Send the body with Content-Type: application/json, and do not compress it.",
            ),
            Self::UnsupportedPatchType => UNSUPPORTED_MEDIA_TYPE.with_message(
                "Send the body with Content-Type: application/json or \
                 application/merge-patch+json, and do not compress it.",
            ),
            Self::UnsupportedFormType => UNSUPPORTED_MEDIA_TYPE.with_message(
                "Send the file as the part `file` of a body with Content-Type: \
                 multipart/form-data, and do not compress the body.",
            ),
            Self::IdempotencyKeyReused => {
                Mapping::new(StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED")
            }
            Self::RateLimited(_) => Mapping::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED"),
            Self::Unavailable(_) | Self::Busy(_) => UNAVAILABLE,
            Self::ResponseQuotaExceeded => UNAVAILABLE.with_message(
                "Nothing was stored: the responses stored under Idempotency-Keys of the workspace \
                 fill their quota. Retry when older ones have expired, or ask the operator to \
                 raise DEVICES__IDEMPOTENCY__BYTES_PER_WORKSPACE. Batches without a key are \
                 accepted.",
            ),
            Self::BatchInDoubt(_) => UNAVAILABLE.with_message(
                "The batch may have been stored. If the request had an Idempotency-Key, send it \
                 again with the same key: the batch is stored once. Otherwise check first whether \
                 the devices exist.",
            ),
            Self::InDoubt(_) => UNAVAILABLE.with_message(
                "The change may have been stored. Before you send it again, check whether it was.",
            ),
            Self::Internal(_) => Mapping::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR"),
        }
    }
}

/// Returns the mapping of a report. Its code is that of the first error. Unknown users are a 404
/// only if the report has no other errors.
fn report_mapping(report: &ErrorReport) -> Mapping {
    let first = report.entries().first();
    let code = first.map_or(ErrorCode::InvalidBody, |first| first.error.code);
    #[expect(
        clippy::match_same_arms,
        reason = "one arm per code, so that the table reads line by line"
    )]
    let status = match code {
        ErrorCode::InvalidBody => StatusCode::BAD_REQUEST,
        ErrorCode::InvalidField => StatusCode::BAD_REQUEST,
        ErrorCode::InvalidParameter => StatusCode::BAD_REQUEST,
        ErrorCode::InvalidSerialNumber => StatusCode::BAD_REQUEST,
        ErrorCode::InvalidAssetTag => StatusCode::BAD_REQUEST,
        ErrorCode::InvalidUser if report.has_only_unknown_users() => StatusCode::NOT_FOUND,
        ErrorCode::InvalidUser => StatusCode::BAD_REQUEST,
        ErrorCode::UserEmailConflict => StatusCode::BAD_REQUEST,
        ErrorCode::DeviceProvisioningFailed => StatusCode::BAD_REQUEST,
    };
    Mapping::new(status, code.as_str())
}
