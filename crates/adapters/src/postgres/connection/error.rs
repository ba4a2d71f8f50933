//! Classification of PostgreSQL errors.

use devices_domain::RepositoryError;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// Converts a Diesel error to the error of the ports.
///
/// A query that may violate a constraint must handle that violation before it calls this function,
/// for example with [`on_unique_violation`].
pub(crate) fn classify(error: DieselError) -> RepositoryError {
    match error {
        DieselError::DatabaseError(kind, information) => {
            // The primary message only: DETAIL contains customer values.
            let message = information.message().to_owned();
            let is_transient_kind = matches!(
                kind,
                DatabaseErrorKind::ClosedConnection
                    | DatabaseErrorKind::ReadOnlyTransaction
                    | DatabaseErrorKind::SerializationFailure
                    | DatabaseErrorKind::UnableToSendCommand
            );
            if is_transient_kind || is_transient(&message) || is_out_of_resources(&message) {
                RepositoryError::Unavailable(message.into())
            } else {
                RepositoryError::Failed(message.into())
            }
        }
        DieselError::BrokenTransactionManager => RepositoryError::Unavailable(error.into()),
        DieselError::RollbackErrorOnCommit { .. } => RepositoryError::InDoubt(error.into()),
        error => RepositoryError::Failed(error.into()),
    }
}

/// Returns the inserted row, or `None` if the insert violated the unique `constraint`.
pub(crate) fn on_unique_violation<T>(
    inserted: Result<T, DieselError>,
    constraint: &str,
) -> Result<Option<T>, RepositoryError> {
    match inserted {
        Ok(row) => Ok(Some(row)),
        Err(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, information))
            if information.constraint_name() == Some(constraint) =>
        {
            Ok(None)
        }
        Err(error) => Err(classify(error)),
    }
}

/// Copies an error for another caller that waited for the same statement. Keeps the kind and the
/// message, but not the cause: [`RepositoryError`] holds a boxed error and is not `Clone`.
pub(crate) fn copy_error(error: &RepositoryError) -> RepositoryError {
    match error {
        RepositoryError::Unavailable(cause) => {
            RepositoryError::Unavailable(cause.to_string().into())
        }
        RepositoryError::InDoubt(cause) => RepositoryError::InDoubt(cause.to_string().into()),
        RepositoryError::Failed(cause) => RepositoryError::Failed(cause.to_string().into()),
    }
}

/// Returns whether the same transaction may succeed when it is retried at once: SQLSTATE 40001
/// (serialization failure) or 40P01 (deadlock).
pub(crate) fn is_serialization_failure(error: &DieselError) -> bool {
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => true,
        DieselError::DatabaseError(_, information) => information.message() == DEADLOCK,
        _ => false,
    }
}

/// Returns whether the server cancelled the statement because it exceeded `statement_timeout`.
pub(crate) fn is_statement_timeout(error: &DieselError) -> bool {
    match error {
        DieselError::DatabaseError(_, information) => information.message() == STATEMENT_TIMEOUT,
        _ => false,
    }
}

/// Message of SQLSTATE 57014 for a timeout.
const STATEMENT_TIMEOUT: &str = "canceling statement due to statement timeout";

/// Message of SQLSTATE 40P01. Diesel does not expose the SQLSTATE (40P01, 57014, 55P03, 57P01 to
/// 57P03). This module therefore compares the English messages of the server and of libpq.
const DEADLOCK: &str = "deadlock detected";

/// Returns whether the server ran out of disk space or memory (SQLSTATE class 53). The disk can be
/// full for the user, too, by a quota.
fn is_out_of_resources(message: &str) -> bool {
    let prefixes = [
        "could not extend file",
        "out of memory",
        "out of shared memory",
        "temporary file size exceeds temp_file_limit",
    ];
    let suffixes = ["No space left on device", "Disk quota exceeded"];
    prefixes.iter().any(|text| message.starts_with(text))
        || suffixes.iter().any(|text| message.ends_with(text))
}

/// Returns whether the server cancelled the statement because of a timeout, a deadlock or a
/// shutdown, or whether the connection to the server was lost. The last three messages are
/// PgBouncer's.
fn is_transient(message: &str) -> bool {
    let prefixes = [
        DEADLOCK,
        "canceling statement due to",
        "terminating connection",
        "the database system is",
        "server closed the connection",
        "no connection to the server",
        "could not receive data from server",
        "could not send data to server",
        "query_wait_timeout",
        "server conn crashed",
        "server login has been failing",
    ];
    prefixes.iter().any(|prefix| message.starts_with(prefix))
}
