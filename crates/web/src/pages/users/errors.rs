//! Errors of creating and changing a user, at the fields of the form.

use devices_domain::{
    ChangeUserError, ErrorCode, ErrorReport, FieldError, Reason, Related, UserId,
};

use crate::error::ConsoleError;
use crate::fields::FieldErrors;
use crate::texts::EN;

/// Returns the errors that the form shows.
///
/// # Errors
/// The error that a page of its own shows.
pub(super) fn form_errors(error: ChangeUserError) -> Result<FieldErrors, ConsoleError> {
    let error = match error {
        ChangeUserError::EmailTaken(holder) => email_taken(holder),
        ChangeUserError::Rejected(error) => error,
        ChangeUserError::QuotaExceeded => FieldError::whole(
            ErrorCode::InvalidUser,
            Reason::UserQuota,
            EN.users.quota_exceeded,
        ),
        ChangeUserError::NotFound | ChangeUserError::HasDevices => {
            return Err(ConsoleError::NotFound);
        }
        ChangeUserError::Repository(error) => return Err(error.into()),
    };
    Ok(FieldErrors::new(&ErrorReport::from_error(error)))
}

fn email_taken(holder: UserId) -> FieldError {
    let code = ErrorCode::UserEmailConflict;
    let taken = EN.users.email_taken;
    FieldError::new("email", code, Reason::AlreadyExists, taken).with(Related::ExistingUser(holder))
}
