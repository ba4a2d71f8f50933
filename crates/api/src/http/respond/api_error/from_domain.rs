//! Conversions from the errors of the domain, and of files.

use std::sync::Arc;

use devices_domain::{
    ChangeDeviceError, ChangeUserError, CreateDevicesError, ErrorCode, ErrorReport, FeedError,
    FieldError, IdempotencyError, KeyError, KeyRestriction, PutEnrollmentError, Reason, Related,
    RepositoryError, UpdateDeviceError,
};
use devices_import::{FileLayout, ImportError, OptionError};

use super::ApiError;

impl From<RepositoryError> for ApiError {
    fn from(error: RepositoryError) -> Self {
        match error {
            RepositoryError::Unavailable(_) => Self::Unavailable(error),
            RepositoryError::InDoubt(_) => Self::InDoubt(error),
            // The authentication middleware states the reason: the key, or a rate limit.
            RepositoryError::NotAdmitted => Self::Unauthorized,
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
            CreateDevicesError::Idempotency(IdempotencyError::QuotaExceeded) => {
                Self::ResponseQuotaExceeded
            }
            CreateDevicesError::Repository(error @ RepositoryError::InDoubt(_)) => {
                Self::BatchInDoubt(error)
            }
            CreateDevicesError::Repository(error) => error.into(),
        }
    }
}

impl ApiError {
    /// Returns the error of the import of a file with this layout.
    pub(crate) fn of_file(error: CreateDevicesError, layout: Arc<FileLayout>) -> Self {
        match error {
            CreateDevicesError::Rejected(report) => Self::RejectedFile(report, layout),
            error => error.into(),
        }
    }
}

impl From<ImportError> for ApiError {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::File(error) => Self::InvalidFile(error),
            ImportError::Option(error) => Self::InvalidOption(error),
            ImportError::Io(error) => Self::Internal(error.into()),
        }
    }
}

impl From<OptionError> for ApiError {
    fn from(error: OptionError) -> Self {
        Self::InvalidOption(error)
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
            // Archiving a device validates nothing, so it cannot be rejected.
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
            ChangeUserError::QuotaExceeded => Self::UserQuotaExceeded,
            ChangeUserError::Repository(error) => error.into(),
        }
    }
}

impl From<PutEnrollmentError> for ApiError {
    fn from(error: PutEnrollmentError) -> Self {
        match error {
            PutEnrollmentError::QuotaExceeded => Self::EnrollmentQuotaExceeded,
            PutEnrollmentError::Repository(error) => error.into(),
        }
    }
}

impl From<KeyError> for ApiError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::TooMany(_) => Self::KeyQuotaExceeded,
            KeyError::NotFound => Self::KeyNotFound,
            KeyError::Inactive => Self::KeyMutationForbidden(
                "The key is revoked or expired, or was rotated and its overlap has ended. POST \
                 /keys creates a new one.",
            ),
            KeyError::CreatedSince(_) => Self::KeyMutationForbidden(
                "A key with this name was created meanwhile. List the keys before you repeat it.",
            ),
            KeyError::Forbidden(rule) => Self::KeyMutationForbidden(forbidden_message(rule)),
            KeyError::Repository(error) => error.into(),
        }
    }
}

/// Returns what a rule forbids, and what to do instead.
fn forbidden_message(rule: KeyRestriction) -> &'static str {
    match rule {
        KeyRestriction::WiderScope => {
            "The new key would have a wider scope than the key of the request."
        }
        KeyRestriction::OutlivesActor => {
            "The new key would be valid for longer than the key of the request. Send an expires_in \
             that ends before it, or use an ADMIN key that is valid for longer."
        }
        KeyRestriction::RotatesItselfAgain => {
            "The key of the request was rotated already. Use the key that replaced it, another \
             ADMIN key, or `devices-api key rotate`."
        }
        KeyRestriction::LastAdmin => {
            "No other ADMIN key of the workspace is valid for as long as this one. Create one, or \
             let the operator run `devices-api key revoke`."
        }
    }
}

impl From<FeedError> for ApiError {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::CursorExpired => Self::CursorExpired,
            FeedError::Repository(error) => error.into(),
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
