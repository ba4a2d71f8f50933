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
            if message.starts_with(SHARD_NOT_COMMITTED) {
                return RepositoryError::InDoubt(message.into());
            }
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
        Err(error) if violated_constraint(&error) == Some(constraint) => Ok(None),
        Err(error) => Err(classify(error)),
    }
}

/// Returns the name of the violated constraint or unique index.
///
/// On a cluster, the error of a worker has no constraint name, and COPY and INSERT .. SELECT
/// replace its SQLSTATE by XX000. Only the message names the constraint, as the shard does:
/// `duplicate key value violates unique constraint "devices_serial_number_key_102009"`.
pub(crate) fn violated_constraint(error: &DieselError) -> Option<&str> {
    let DieselError::DatabaseError(_, information) = error else {
        return None;
    };
    information
        .constraint_name()
        .or_else(|| constraint_in_message(information.message()))
}

/// Returns the name of the constraint that the message quotes, without the id of a shard.
fn constraint_in_message(message: &str) -> Option<&str> {
    let (_, quoted) = message.split_once(" constraint \"")?;
    let (name, _) = quoted.split_once('"')?;
    match name.rsplit_once('_') {
        Some((name, shard)) if shard.bytes().all(|byte| byte.is_ascii_digit()) => Some(name),
        _ => Some(name),
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
        RepositoryError::NotAdmitted => RepositoryError::NotAdmitted,
        RepositoryError::Failed(cause) => RepositoryError::Failed(cause.to_string().into()),
    }
}

/// Returns whether the same transaction may succeed when it is retried at once: SQLSTATE 40001
/// (serialization failure) or 40P01 (deadlock).
pub(crate) fn is_serialization_failure(error: &DieselError) -> bool {
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => true,
        DieselError::DatabaseError(_, information) => {
            [DEADLOCK, DISTRIBUTED_DEADLOCK].contains(&information.message())
        }
        _ => false,
    }
}

/// Returns whether the server rejected the statement, so that a transaction of this statement alone
/// was not committed. After any other error, it may have been: the connection may be lost, or a
/// cluster may have lost the connection to one of its nodes, or report a distributed deadlock after
/// a node has received COMMIT.
pub(crate) fn is_rejected(error: &DieselError) -> bool {
    let DieselError::DatabaseError(kind, information) = error else {
        return false;
    };
    let is_rejected_kind = matches!(
        kind,
        DatabaseErrorKind::CheckViolation
            | DatabaseErrorKind::ForeignKeyViolation
            | DatabaseErrorKind::NotNullViolation
            | DatabaseErrorKind::ReadOnlyTransaction
            | DatabaseErrorKind::SerializationFailure
            | DatabaseErrorKind::UniqueViolation
    );
    is_rejected_kind
        || violated_constraint(error).is_some()
        || information.message() == DEADLOCK
        || information.message().starts_with(CANCELLED)
}

/// Beginning of the message of SQLSTATE 57014 and 55P03.
const CANCELLED: &str = "canceling statement due to";

/// Returns whether the coordinator of a cluster lost a worker during the statement, and has rolled
/// it back. A COMMIT that the worker did not confirm has another message.
pub(crate) fn is_worker_lost(error: &DieselError) -> bool {
    match error {
        DieselError::DatabaseError(_, information) => {
            information.message().starts_with(WORKER_LOST)
        }
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

/// Message of SQLSTATE 40P01 for a deadlock across the nodes of a cluster.
const DISTRIBUTED_DEADLOCK: &str =
    "canceling the transaction since it was involved in a distributed deadlock";

/// Beginning of the message of a statement that needs a worker which is lost.
const WORKER_LOST: &str = "connection to the remote node";

/// Beginning of the message of a COMMIT that a worker did not confirm. The worker may have
/// committed.
const SHARD_NOT_COMMITTED: &str = "could not commit transaction for shard";

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
/// shutdown, or whether the connection to the server was lost. The last messages are PgBouncer's,
/// and those of a cluster's coordinator that lost the connection to a worker.
fn is_transient(message: &str) -> bool {
    let prefixes = [
        DEADLOCK,
        DISTRIBUTED_DEADLOCK,
        CANCELLED,
        "terminating connection",
        "the database system is",
        "server closed the connection",
        "no connection to the server",
        "could not receive data from server",
        "could not send data to server",
        "query_wait_timeout",
        "server conn crashed",
        "server login has been failing",
        "connection not open",
        WORKER_LOST,
        "could not connect to any active placements",
        "could not establish any connections to the node",
        "failed to COPY to shard",
        "failed to prepare transaction",
        "failure on connection marked as essential",
        "SSL connection has been closed unexpectedly",
        "SSL SYSCALL error",
        "the total number of connections on the server is more than",
    ];
    prefixes.iter().any(|prefix| message.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// An error of a cluster's coordinator: only the message says what a worker reported.
    fn cluster_error(message: &str) -> DieselError {
        DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(message.to_owned()))
    }

    #[rstest]
    #[case(
        "duplicate key value violates unique constraint \"devices_serial_number_key_102009\"",
        "devices_serial_number_key"
    )]
    #[case(
        "duplicate key value violates unique constraint \"workspaces_name_key_102008\"",
        "workspaces_name_key"
    )]
    #[case(
        "duplicate key value violates unique constraint \"users_email_key\"",
        "users_email_key"
    )]
    #[case(
        "insert or update on table \"devices_102009\" violates foreign key constraint \
         \"devices_user_fkey_102009\"",
        "devices_user_fkey"
    )]
    #[case(
        "update or delete on table \"users_102013\" violates foreign key constraint \
         \"devices_user_fkey_102009\" on table \"devices_102009\"",
        "devices_user_fkey"
    )]
    fn message_names_the_constraint_of_a_shard(#[case] message: &str, #[case] constraint: &str) {
        let error = cluster_error(message);
        assert_eq!(violated_constraint(&error), Some(constraint));
        let inserted = on_unique_violation::<()>(Err(error), constraint);
        assert!(matches!(inserted, Ok(None)));
    }

    #[test]
    fn message_without_constraint_names_none() {
        let error = cluster_error("permission denied for table devices_102009");
        assert_eq!(violated_constraint(&error), None);
    }

    #[rstest]
    #[case("canceling the transaction since it was involved in a distributed deadlock")]
    #[case("canceling statement due to lock timeout")]
    #[case(
        "connection to the remote node postgres@127.0.0.1:6401 failed with the following error: \
         Connection refused"
    )]
    #[case("failed to COPY to shard 102009 on 127.0.0.1:6401")]
    #[case("failure on connection marked as essential: 127.0.0.1:6401")]
    #[case("server closed the connection unexpectedly")]
    #[case("terminating connection due to administrator command")]
    fn lost_worker_is_unavailable(#[case] message: &str) {
        let error = classify(cluster_error(message));
        assert!(
            matches!(error, RepositoryError::Unavailable(_)),
            "{error:?}"
        );
    }

    #[test]
    fn unconfirmed_commit_of_a_worker_is_in_doubt() {
        let message = "could not commit transaction for shard 102009 on at least one active node";
        let error = classify(cluster_error(message));
        assert!(matches!(error, RepositoryError::InDoubt(_)), "{error:?}");
    }

    #[test]
    fn distributed_deadlock_is_no_rejection() {
        let message = "canceling the transaction since it was involved in a distributed deadlock";
        let error = cluster_error(message);
        assert!(is_serialization_failure(&error) && !is_rejected(&error));
        assert!(is_rejected(&cluster_error("deadlock detected")));
    }

    #[rstest]
    #[case(
        "connection to the remote node app@w1:5432 failed with the following error: x",
        true
    )]
    #[case(
        "could not commit transaction for shard 102009 on at least one active node",
        false
    )]
    #[case("server closed the connection unexpectedly", false)]
    fn unconfirmed_commit_is_no_lost_worker(#[case] message: &str, #[case] is_lost: bool) {
        assert_eq!(is_worker_lost(&cluster_error(message)), is_lost);
    }
}
