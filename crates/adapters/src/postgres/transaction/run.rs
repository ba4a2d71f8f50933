//! Transactions whose end is known, also where the server was lost while it committed.

use devices_domain::RepositoryError;
use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::pg::PgConnection;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::postgres::audit_events::CommitMarker;
use crate::postgres::connection::database::{CommitGate, Database, classify, is_to_be_retried};

/// Why a transaction is rolled back.
pub(crate) enum Failure<E> {
    /// What was asked for cannot be.
    Refused(E),
    /// Whoever waited was told that nothing was stored.
    Abandoned,
    Diesel(DieselError),
}

impl<E> From<DieselError> for Failure<E> {
    fn from(error: DieselError) -> Self {
        Self::Diesel(error)
    }
}

/// What a transaction came to, and what it wrote.
pub(crate) type Done<T> = (T, Written);

/// What a transaction wrote.
pub(crate) enum Written {
    /// Nothing: what it came to holds whether it is committed or not.
    Nothing,
    /// What can be found again by this.
    CommitMarker(CommitMarker),
    /// What leaves nothing that it could be known by.
    Untraced,
}

/// How often a transaction is tried again after it lost a race, or was chosen to break a deadlock.
const TRIES: usize = 3;

impl Database {
    /// Runs `work` in a transaction, again where it lost a race: the look-up that `work` begins with
    /// finds then what it did not find before. Its result is returned once it is committed, and nobody
    /// is told that nothing was stored while it may yet be.
    pub(crate) async fn transact<T, E>(
        &self,
        mut work: impl FnMut(&mut PgConnection) -> Result<Done<T>, Failure<E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<RepositoryError> + Send + 'static,
    {
        self.count_write();
        let transact = move |connection: &mut PgConnection, decision: &CommitGate| {
            for _ in 0..TRIES {
                match run(connection, decision, &mut work) {
                    Ok(ended) => return Ok(ended),
                    Err(Failure::Refused(error)) => return Err(error),
                    Err(Failure::Diesel(error)) if is_retryable(&error) => {}
                    Err(Failure::Diesel(error)) => return Err(classify(error).into()),
                    Err(Failure::Abandoned) => {
                        return Err(unavailable("nobody waits for it any more"));
                    }
                }
            }
            Err(unavailable("a transaction lost every race it was in"))
        };
        match self.run_deciding(transact).await? {
            Ended::Committed(result) => Ok(result),
            Ended::InDoubt(lost) => {
                let Lost {
                    result,
                    receipt,
                    error,
                } = *lost;
                let is_committed = match receipt {
                    Some(receipt) => receipt.is_committed(self).await,
                    None => None,
                };
                match is_committed {
                    Some(true) => Ok(result),
                    Some(false) => Err(RepositoryError::Unavailable(error.into()).into()),
                    None => Err(RepositoryError::InDoubt(error.into()).into()),
                }
            }
        }
    }
}

fn unavailable<E: From<RepositoryError>>(why: &'static str) -> E {
    RepositoryError::Unavailable(why.into()).into()
}

/// How a transaction ended.
enum Ended<T> {
    Committed(T),
    /// The server was lost before it said whether it had committed.
    InDoubt(Box<Lost<T>>),
}

struct Lost<T> {
    /// What holds if it had.
    result: T,
    receipt: Option<CommitMarker>,
    error: DieselError,
}

/// One transaction. Diesel's own `transaction` does not tell an error of COMMIT from one before it.
fn run<T, E>(
    connection: &mut PgConnection,
    decision: &CommitGate,
    work: &mut impl FnMut(&mut PgConnection) -> Result<Done<T>, Failure<E>>,
) -> Result<Ended<T>, Failure<E>> {
    AnsiTransactionManager::begin_transaction(connection)?;
    let done = work(connection);
    let done = done.and_then(|done| match decision.commit() {
        true => Ok(done),
        false => Err(Failure::Abandoned),
    });
    let (result, written) = match done {
        // There is nothing to be made durable.
        Ok((result, Written::Nothing)) => {
            roll_back(connection);
            return Ok(Ended::Committed(result));
        }
        Ok(done) => done,
        Err(failure) => {
            roll_back(connection);
            return Err(failure);
        }
    };
    let Err(error) = AnsiTransactionManager::commit_transaction(connection) else {
        return Ok(Ended::Committed(result));
    };
    let receipt = match written {
        _ if is_to_be_retried(&error) => return Err(Failure::Diesel(error)),
        Written::CommitMarker(receipt) => Some(receipt),
        Written::Untraced | Written::Nothing => None,
    };
    Ok(Ended::InDoubt(Box::new(Lost {
        result,
        receipt,
        error,
    })))
}

fn roll_back(connection: &mut PgConnection) {
    // Where this fails, too, the connection is lost, and the server rolls back by itself.
    if let Err(error) = AnsiTransactionManager::rollback_transaction(connection) {
        tracing::debug!(%error, "a transaction was not rolled back in good order");
    }
}

/// Whether the same transaction may succeed if it is begun anew.
pub(crate) fn is_retryable(error: &DieselError) -> bool {
    is_to_be_retried(error) || is_lost_race(error)
}

/// Whether another transaction took a serial number or an address, or a user away, after it was looked
/// up.
fn is_lost_race(error: &DieselError) -> bool {
    let DieselError::DatabaseError(kind, information) = error else {
        return false;
    };
    let constraints: &[&str] = match kind {
        DatabaseErrorKind::UniqueViolation => &["devices_serial_number_key", "users_email_key"],
        DatabaseErrorKind::ForeignKeyViolation => &["devices_user_fkey"],
        _ => &[],
    };
    let broken = information.constraint_name();
    broken.is_some_and(|broken| constraints.contains(&broken))
}
