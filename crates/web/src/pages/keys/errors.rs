//! Errors of creating, rotating and revoking keys.

use devices_domain::{
    ApiKey, ErrorCode, ErrorReport, FieldError, KeyError, KeyRestriction, Reason,
};

use super::form::Duplicate;
use crate::error::ConsoleError;
use crate::fields::FieldErrors;
use crate::texts::{self, EN};

/// Returns the errors that a form of a key shows.
///
/// # Errors
/// The error that a page of its own shows.
pub(super) fn form_errors(error: KeyError) -> Result<FieldErrors, ConsoleError> {
    let code = ErrorCode::InvalidField;
    let error = match error {
        KeyError::Forbidden(KeyRestriction::WiderScope) => {
            FieldError::new("scope", code, Reason::OutOfRange, EN.keys.wider_scope)
        }
        KeyError::Forbidden(KeyRestriction::OutlivesActor) => {
            FieldError::new("expires_in", code, Reason::OutOfRange, EN.keys.outlives)
        }
        other => {
            let message = message(other)?;
            FieldError::whole(code, Reason::OutOfRange, message)
        }
    };
    Ok(FieldErrors::new(&ErrorReport::from_error(error)))
}

/// Returns why a change is rejected, and what to do.
///
/// # Errors
/// The error that a page of its own shows.
pub(super) fn message(error: KeyError) -> Result<String, ConsoleError> {
    let texts = &EN.keys;
    let text = match error {
        KeyError::TooMany(max) => return Ok(texts::fill(texts.too_many, &[("max", &max)])),
        KeyError::Inactive => texts.inactive,
        KeyError::Forbidden(KeyRestriction::WiderScope) => texts.rotates_wider,
        KeyError::Forbidden(KeyRestriction::OutlivesActor) => texts.rotates_outlives,
        KeyError::Forbidden(KeyRestriction::RotatesItselfAgain) => texts.rotates_itself_again,
        KeyError::Forbidden(KeyRestriction::LastAdmin) => texts.last_admin,
        KeyError::CreatedSince(key) => return Ok(duplicate(&key).message),
        KeyError::NotFound => return Err(ConsoleError::NotFound),
        KeyError::Repository(error) => return Err(error.into()),
    };
    Ok(text.to_owned())
}

/// Returns the key that the same form may have created, with advice.
pub(super) fn duplicate(key: &ApiKey) -> Duplicate {
    let at = key.created_at.format("%Y-%m-%d %H:%M:%S UTC");
    Duplicate {
        id: key.id,
        message: texts::fill(EN.keys.duplicate, &[("name", &key.name), ("at", &at)]),
    }
}
