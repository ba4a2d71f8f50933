//! The devices of one workspace.

use std::sync::Arc;

use async_trait::async_trait;
use devices_domain::{
    Action, Attempt, AttemptError, Conflicts, CreateError, DeviceId, DeviceRepositories,
    DeviceRepository, NewBatch, NewDevice, Outcome, References, Remembered, RepositoryError,
    Stored, StoredDevice, WorkspaceId,
};
use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::BigInt;

use super::columns::DeviceRow;
use super::database::{Database, Decision, Id, classify, is_to_be_retried};
use super::events::{self, Receipt};
use super::{attempts, conflicts, enrollments};
use crate::schema::devices;

/// Makes [`PostgresDevices`].
#[derive(Clone)]
pub struct PostgresDeviceRepositories {
    database: Database,
}

impl PostgresDeviceRepositories {
    /// Over this database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

impl DeviceRepositories for PostgresDeviceRepositories {
    fn of_workspace(&self, workspace: WorkspaceId) -> Box<dyn DeviceRepository> {
        Box::new(PostgresDevices {
            database: self.database.clone(),
            workspace,
        })
    }
}

/// The devices of one workspace, in PostgreSQL.
pub struct PostgresDevices {
    database: Database,
    workspace: WorkspaceId,
}

#[async_trait]
impl DeviceRepository for PostgresDevices {
    async fn find_conflicts(&self, references: References) -> Result<Conflicts, RepositoryError> {
        let workspace = self.workspace;
        self.database
            .run(move |connection| {
                let limit = conflicts::device_limit(connection, workspace).map_err(classify)?;
                conflicts::find(connection, workspace, &references, limit).map_err(classify)
            })
            .await
    }

    async fn find_remembered(
        &self,
        attempt: Attempt,
    ) -> Result<Option<Remembered>, RepositoryError> {
        let workspace = self.workspace;
        self.database
            .run(move |connection| {
                attempts::find(connection, workspace, &attempt).map_err(classify)
            })
            .await
    }

    async fn create(&self, batch: Arc<NewBatch>) -> Result<Stored, CreateError> {
        let workspace = self.workspace;
        let create = move |connection: &mut PgConnection, decision: &Decision| {
            create(connection, workspace, &batch, decision)
        };
        match self.database.run_deciding(create).await? {
            Ended::Committed(stored) => Ok(stored),
            Ended::LostInCommit(lost) => {
                let Lost {
                    stored,
                    receipt,
                    error,
                } = *lost;
                match receipt.is_committed(&self.database).await {
                    Some(true) => Ok(stored),
                    Some(false) => Err(RepositoryError::Unavailable(error.into()).into()),
                    None => Err(RepositoryError::Unknown(error.into()).into()),
                }
            }
        }
    }
}

/// How often a batch is tried again after it lost a race to one that then was not to be found, or
/// was chosen to break a deadlock.
const TRIES: usize = 3;

/// How a transaction ended.
enum Ended {
    Committed(Stored),
    /// The server was lost before it said whether it had committed.
    LostInCommit(Box<Lost>),
}

struct Lost {
    /// What holds if it had.
    stored: Stored,
    receipt: Receipt,
    error: DieselError,
}

fn create(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    batch: &NewBatch,
    decision: &Decision,
) -> Result<Ended, CreateError> {
    let references = References::of_devices(&batch.devices);
    for _ in 0..TRIES {
        match run(connection, workspace, batch, &references, decision) {
            Ok(ended) => return Ok(ended),
            Err(Failure::Recalled(outcome)) => {
                return Ok(Ended::Committed(Stored::Outcome(outcome)));
            }
            Err(Failure::Diesel(error)) if is_to_be_retried(&error) => {}
            Err(Failure::Diesel(error)) => return Err(classify(error).into()),
            Err(Failure::Attempt(error)) => return Err(error.into()),
            Err(Failure::Conflicts(conflicts)) => return Err(CreateError::Conflicts(conflicts)),
            Err(Failure::LostRace) => {
                // The winner has committed: the look-up finds now what it did not find before.
                let limit = conflicts::device_limit(connection, workspace).map_err(classify)?;
                let conflicts =
                    conflicts::find(connection, workspace, &references, limit).map_err(classify)?;
                if !conflicts.is_empty() {
                    return Err(CreateError::Conflicts(conflicts));
                }
            }
            Err(Failure::GivenUp) => {
                let given_up = "nobody waits for the batch any more";
                return Err(RepositoryError::Unavailable(given_up.into()).into());
            }
        }
    }
    Err(RepositoryError::Unavailable("a batch lost every race it was in".into()).into())
}

/// One transaction. Diesel's own `transaction` does not tell an error of COMMIT from one before it.
fn run(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    batch: &NewBatch,
    references: &References,
    decision: &Decision,
) -> Result<Ended, Failure> {
    AnsiTransactionManager::begin_transaction(connection)?;
    let written = write(connection, workspace, batch, references);
    let written = written.and_then(|written| match decision.commit() {
        true => Ok(written),
        false => Err(Failure::GivenUp),
    });
    let (stored, receipt) = match written {
        Ok(written) => written,
        Err(failure) => {
            // Where this fails, too, the connection is lost, and the server rolls back by itself.
            if let Err(error) = AnsiTransactionManager::rollback_transaction(connection) {
                tracing::debug!(%error, "a transaction was not rolled back in good order");
            }
            return Err(failure);
        }
    };
    match AnsiTransactionManager::commit_transaction(connection) {
        Ok(()) => Ok(Ended::Committed(stored)),
        Err(error) if is_to_be_retried(&error) => Err(Failure::Diesel(error)),
        Err(error) => Ok(Ended::LostInCommit(Box::new(Lost {
            stored,
            receipt,
            error,
        }))),
    }
}

/// Why a transaction was rolled back.
enum Failure {
    Conflicts(Conflicts),
    /// The attempt succeeded before.
    Recalled(Outcome),
    Attempt(AttemptError),
    /// Another transaction took a serial number, or a user away, after the look-up.
    LostRace,
    /// Whoever waited was told that nothing was stored.
    GivenUp,
    Diesel(DieselError),
}

impl From<DieselError> for Failure {
    fn from(error: DieselError) -> Self {
        if let DieselError::DatabaseError(kind, information) = &error {
            let lost = match kind {
                DatabaseErrorKind::UniqueViolation => Some("devices_serial_number_key"),
                DatabaseErrorKind::ForeignKeyViolation => Some("devices_user_fkey"),
                _ => None,
            };
            if lost.is_some() && information.constraint_name() == lost {
                return Self::LostRace;
            }
        }
        Self::Diesel(error)
    }
}

/// Everything that a batch writes, but for COMMIT.
fn write(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    batch: &NewBatch,
    references: &References,
) -> Result<(Stored, Receipt), Failure> {
    if let Some((attempt, _)) = &batch.once {
        if !attempts::try_lock(connection, workspace, attempt)? {
            return Err(Failure::Attempt(AttemptError::UnderWay));
        }
        if let Some(remembered) = attempts::find(connection, workspace, attempt)? {
            let recalled = attempt.recall(remembered);
            return Err(recalled.map_or_else(Failure::Attempt, Failure::Recalled));
        }
    }
    let stored = write_devices(connection, workspace, &batch.devices, references)?;
    let ids = stored.iter().map(|stored| stored.id.0).collect();
    let receipt = events::insert(connection, workspace, &batch.origin, Action::Created, ids)?;
    let stored = match &batch.once {
        None => Stored::Devices(stored),
        Some((attempt, tell)) => {
            let answer = tell(&batch.devices, &stored);
            attempts::remember(connection, workspace, attempt, &answer)?;
            Stored::Outcome(Outcome {
                answer,
                replayed: false,
            })
        }
    };
    Ok((stored, receipt))
}

fn write_devices(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    devices: &[NewDevice],
    references: &References,
) -> Result<Vec<StoredDevice>, Failure> {
    let limit = conflicts::lock_device_limit(connection, workspace)?;
    let conflicts = conflicts::find(connection, workspace, references, limit)?;
    if !conflicts.is_empty() {
        return Err(Failure::Conflicts(conflicts));
    }
    let ids = reserve_ids(connection, devices.len())?;
    insert(connection, workspace, &ids, devices)?;
    let mut enrollments = enrollments::link(
        connection,
        workspace,
        ids.iter().zip(devices).filter_map(|(id, device)| {
            let serial_number = device.identity.serial_number.as_ref()?;
            Some((serial_number.folded(), *id))
        }),
    )?;
    let stored = ids.into_iter().map(|id| StoredDevice {
        id: DeviceId(id),
        enrollment: enrollments.remove(&id),
    });
    Ok(stored.collect())
}

/// Ids of devices to come, rising. COPY returns no rows, so that they must be known beforehand.
fn reserve_ids(connection: &mut PgConnection, count: usize) -> QueryResult<Vec<i64>> {
    let reserved: Vec<Id> =
        diesel::sql_query("SELECT nextval('devices_id_seq') AS id FROM generate_series(1, $1)")
            .bind::<BigInt, _>(count as i64)
            .load(connection)?;
    let mut ids: Vec<i64> = reserved.into_iter().map(|reserved| reserved.id).collect();
    ids.sort_unstable();
    Ok(ids)
}

fn insert(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    ids: &[i64],
    devices: &[NewDevice],
) -> QueryResult<()> {
    let mut rows: Vec<_> = ids
        .iter()
        .zip(devices)
        .map(|(id, device)| DeviceRow::new(workspace, *id, device))
        .collect();
    // Two batches with the same serial numbers in another order must not wait for each other.
    rows.sort_by_key(|row| row.serial_number_folded);
    let written = match rows.as_slice() {
        // Cheaper than COPY for one row, dearer for every other number.
        [row] => diesel::insert_into(devices::table)
            .values(row)
            .execute(connection)?,
        _ => diesel::copy_from(devices::table)
            .from_insertable(&rows)
            .execute(connection)?,
    };
    debug_assert_eq!(written, devices.len());
    Ok(())
}
