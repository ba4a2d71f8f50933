//! Write transactions with retries. The outcome is known even if the connection is lost during
//! COMMIT.

use devices_domain::{RepositoryError, UniqueField};
use diesel::QueryResult;
use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::pg::PgConnection;
use diesel::result::Error as DieselError;

use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::{
    classify, is_rejected, is_serialization_failure, violated_constraint,
};
use crate::postgres::transaction::begin::{begin, roll_back};
use crate::postgres::transaction::blocking::Lease;
use crate::postgres::transaction::commit_gate::CommitGate;
use crate::postgres::transaction::in_doubt::CommitMarker;
use crate::postgres::transaction::sampled_trace::SampledTrace;

/// Reason why a transaction is rolled back.
pub(crate) enum Failure<E> {
    /// The request is rejected. Not retried.
    Rejected(E),
    /// The caller timed out, and received the error that nothing was stored.
    Abandoned(RepositoryError),
    Diesel(DieselError),
}

impl<E> From<DieselError> for Failure<E> {
    fn from(error: DieselError) -> Self {
        Self::Diesel(error)
    }
}

/// Effect of a transaction on the database, beside its result.
pub(crate) enum Effect {
    /// Nothing was written. The result is valid whether the transaction commits or not.
    None,
    /// The transaction wrote an event that shows whether it was committed.
    Marked(CommitMarker),
    /// The transaction wrote rows, but no event that marks it. A lost COMMIT cannot be resolved.
    Unmarked,
}

/// Maximum number of attempts of a transaction that loses a race or is chosen as deadlock victim.
const MAX_ATTEMPTS: usize = 3;

impl Database {
    /// Runs `work` in a transaction, and returns its result once the transaction is committed.
    ///
    /// Retries a transaction that lost a race: the look-up at the start of `work` then finds the
    /// rows of the winner. Never returns [`Unavailable`](RepositoryError::Unavailable) if the
    /// transaction may have been committed.
    pub(crate) async fn transact<T, E>(
        &self,
        mut work: impl FnMut(&mut PgConnection) -> Result<(T, Effect), Failure<E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<RepositoryError> + Send + 'static,
    {
        self.count_write();
        let outcome = self
            .run_leased(move |lease, gate| transact_on(lease, gate, &mut work))
            .await?;
        self.resolve(outcome).await
    }

    /// Returns the result of a committed transaction. Finds out whether an in-doubt one was
    /// committed: that takes another connection, so the caller MUST NOT hold one.
    pub(crate) async fn resolve<T, E: From<RepositoryError>>(
        &self,
        outcome: Outcome<T>,
    ) -> Result<T, E> {
        let InDoubt {
            result,
            marker,
            error,
        } = match outcome {
            Outcome::Committed(result) => return Ok(result),
            Outcome::InDoubt(in_doubt) => *in_doubt,
        };
        let is_committed = match marker {
            Some(marker) => marker.is_committed(self).await,
            None => None,
        };
        match is_committed {
            Some(true) => Ok(result),
            Some(false) => Err(match classify(error) {
                RepositoryError::InDoubt(cause) => RepositoryError::Unavailable(cause).into(),
                error => error.into(),
            }),
            None => Err(RepositoryError::InDoubt(error.into()).into()),
        }
    }
}

/// Runs `work` in a transaction on the connection of this lease. Retries it like
/// [`transact`](Database::transact).
pub(crate) fn transact_on<T, E: From<RepositoryError>>(
    lease: &mut Lease,
    gate: &CommitGate,
    mut work: impl FnMut(&mut PgConnection) -> Result<(T, Effect), Failure<E>>,
) -> Result<Outcome<T>, E> {
    let trace = lease.trace().cloned();
    let connection = lease.connection()?;
    for _ in 0..MAX_ATTEMPTS {
        match run(connection, trace.as_ref(), gate, &mut work) {
            Ok(outcome) => return Ok(outcome),
            Err(Failure::Rejected(error)) => return Err(error),
            Err(Failure::Diesel(error)) if is_retryable(&error) => {}
            Err(Failure::Diesel(error)) => return Err(classify(error).into()),
            Err(Failure::Abandoned(error)) => return Err(error.into()),
        }
    }
    let cause = "the transaction lost a race on every attempt";
    Err(RepositoryError::Unavailable(cause.into()).into())
}

/// Outcome of a transaction that was not rolled back.
pub(crate) enum Outcome<T> {
    Committed(T),
    /// The connection was lost before the server confirmed COMMIT.
    InDoubt(Box<InDoubt<T>>),
}

impl<T> Outcome<T> {
    /// Returns whether a deadlock caused the doubt: a cluster may report one after COMMIT.
    pub(crate) fn is_deadlock(&self) -> bool {
        match self {
            Self::Committed(_) => false,
            Self::InDoubt(in_doubt) => is_serialization_failure(&in_doubt.error),
        }
    }

    /// Creates the outcome of a transaction that has `result` if it was committed.
    pub(crate) fn in_doubt(result: T, marker: Option<CommitMarker>, error: DieselError) -> Self {
        Self::InDoubt(Box::new(InDoubt {
            result,
            marker,
            error,
        }))
    }
}

/// Transaction whose COMMIT was not confirmed.
pub(crate) struct InDoubt<T> {
    /// The result if the transaction turns out to be committed.
    result: T,
    marker: Option<CommitMarker>,
    error: DieselError,
}

/// Runs one transaction. Diesel's `transaction` does not distinguish an error of COMMIT from an
/// earlier one.
fn run<T, E>(
    connection: &mut PgConnection,
    trace: Option<&SampledTrace>,
    gate: &CommitGate,
    work: &mut impl FnMut(&mut PgConnection) -> Result<(T, Effect), Failure<E>>,
) -> Result<Outcome<T>, Failure<E>> {
    let _span = trace.map(SampledTrace::enter_transaction);
    begin(connection, trace)?;
    let worked = work(connection).and_then(|worked| {
        gate.commit().map_err(Failure::Abandoned)?;
        Ok(worked)
    });
    let (result, effect) = match worked {
        // There is nothing to commit.
        Ok((result, Effect::None)) => {
            roll_back(connection);
            return Ok(Outcome::Committed(result));
        }
        Ok(worked) => worked,
        Err(failure) => {
            roll_back(connection);
            return Err(failure);
        }
    };
    let Err(error) = AnsiTransactionManager::commit_transaction(connection) else {
        return Ok(Outcome::Committed(result));
    };
    let marker = match effect {
        _ if is_rejected(&error) && is_serialization_failure(&error) => {
            return Err(Failure::Diesel(error));
        }
        Effect::Marked(marker) => Some(marker),
        Effect::Unmarked | Effect::None => None,
    };
    Ok(Outcome::in_doubt(result, marker, error))
}

/// Runs `work` in a transaction that is always rolled back.
pub(crate) fn rolled_back<T>(
    connection: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection) -> QueryResult<T>,
) -> QueryResult<T> {
    AnsiTransactionManager::begin_transaction(connection)?;
    let result = work(connection);
    roll_back(connection);
    result
}

/// Returns whether the same transaction may succeed when it is retried.
pub(crate) fn is_retryable(error: &DieselError) -> bool {
    is_serialization_failure(error)
        || is_lost_race(error)
        || is_outdated(error)
        || is_id_taken(error)
}

/// Returns whether a reserved id is in use. After PostgreSQL has crashed or failed over, its
/// sequences may return ids that they had returned before.
pub(crate) fn is_id_taken(error: &DieselError) -> bool {
    violated_constraint(error)
        .is_some_and(|violated| ["devices_pkey", "device_events_pkey"].contains(&violated))
}

/// Returns whether this transaction noticed that others changed what it had looked up: they took
/// the last places of a limit, or stored devices that its rows match.
fn is_outdated(error: &DieselError) -> bool {
    matches!(error, DieselError::RollbackTransaction)
}

/// Returns whether an index keeps a unique field of devices unique.
fn is_unique_field_index(index: &str) -> bool {
    let field = index.strip_prefix("devices_");
    let field = field.and_then(|field| field.strip_suffix("_key"));
    field.is_some_and(|name| UniqueField::ALL.iter().any(|field| field.name() == name))
}

/// Returns whether another transaction took a unique value or an email address, or deleted a user,
/// after this transaction had looked it up.
fn is_lost_race(error: &DieselError) -> bool {
    violated_constraint(error).is_some_and(|violated| {
        ["users_email_key", "devices_user_fkey"].contains(&violated)
            || is_unique_field_index(violated)
    })
}
