//! The devices of one workspace.

mod changes;
mod columns;
mod conflicts;
mod filter;
mod reads;
mod search;

use std::sync::Arc;

use async_trait::async_trait;
use devices_domain::{
    Action, Attempt, AttemptError, ChangeDeviceError, Conflicts, CreateError, DeviceChange,
    DeviceFilter, DeviceId, DeviceRepositories, DeviceRepository, Expected, NewBatch, NewDevice,
    Origin, Outcome, Page, Paging, References, Remembered, RepositoryError, Stored, StoredAs,
    StoredDevice, Subject, WorkspaceId,
};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::database::{Database, Id, classify};
use super::events::Record;
use super::transactions::{Done, Failure, Written};
use super::{attempts, enrollments};
use crate::schema::devices;
use columns::DeviceRow;
pub use search::index_waiting_devices;

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
                let found = conflicts::find(connection, workspace, &references, limit);
                Ok(found.map_err(classify)?.conflicts)
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
        let references = References::of_devices(&batch.devices);
        self.database
            .transact(move |connection| write(connection, workspace, &batch, &references))
            .await
    }

    async fn find(&self, device: DeviceId) -> Result<Option<StoredDevice>, RepositoryError> {
        let workspace = self.workspace;
        self.database
            .read(move |connection| {
                let found = reads::load(connection, workspace, &[device.0])?;
                Ok(found.into_iter().next())
            })
            .await
    }

    async fn list(
        &self,
        filter: DeviceFilter,
        paging: Paging,
    ) -> Result<Page<StoredDevice>, RepositoryError> {
        let workspace = self.workspace;
        self.database
            .read(move |connection| reads::list(connection, workspace, &filter, paging))
            .await
    }

    async fn next(
        &self,
        filter: DeviceFilter,
        after: Option<DeviceId>,
        most: u32,
    ) -> Result<Vec<StoredDevice>, RepositoryError> {
        let workspace = self.workspace;
        self.database
            .read(move |connection| reads::next(connection, workspace, &filter, after, most))
            .await
    }

    async fn update(&self, change: Arc<DeviceChange>) -> Result<StoredDevice, ChangeDeviceError> {
        let workspace = self.workspace;
        self.database
            .transact(move |connection| changes::update(connection, workspace, &change))
            .await
    }

    async fn delete(
        &self,
        device: DeviceId,
        expected: Expected,
        origin: Origin,
    ) -> Result<StoredDevice, ChangeDeviceError> {
        let workspace = self.workspace;
        self.database
            .transact(move |connection| {
                changes::delete(connection, workspace, device, &expected, &origin)
            })
            .await
    }
}

/// Everything that a batch writes, but for COMMIT.
fn write(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    batch: &NewBatch,
    references: &References,
) -> Result<Done<Stored>, Failure<CreateError>> {
    if let Some((attempt, _)) = &batch.once {
        if !attempts::try_lock(connection, workspace, attempt)? {
            return Err(Failure::Refused(AttemptError::UnderWay.into()));
        }
        if let Some(remembered) = attempts::find(connection, workspace, attempt)? {
            let recalled = attempt.recall(remembered);
            let recalled = recalled.map_err(|error| Failure::Refused(error.into()))?;
            return Ok((Stored::Outcome(recalled), Written::Nothing));
        }
    }
    let stored = write_devices(connection, workspace, &batch.devices, references)?;
    let ids: Vec<i64> = stored.iter().map(|stored| stored.id.0).collect();
    search::enqueue(connection, workspace, &ids)?;
    let subject = Subject::Devices(stored.iter().map(|stored| stored.id).collect());
    let receipt =
        Record::new(Action::Created, subject).write(connection, workspace, &batch.origin)?;
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
    Ok((stored, Written::Receipt(receipt)))
}

fn write_devices(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    devices: &[NewDevice],
    references: &References,
) -> Result<Vec<StoredAs>, Failure<CreateError>> {
    let limit = conflicts::lock_device_limit(connection, workspace)?;
    let found = conflicts::find(connection, workspace, references, limit)?;
    if !found.conflicts.is_empty() {
        let conflicts = Box::new(found.conflicts);
        return Err(Failure::Refused(CreateError::Conflicts(conflicts)));
    }
    let ids = reserve_ids(connection, devices.len())?;
    let assignees: Vec<_> = devices
        .iter()
        .map(|device| {
            let by_email = device.assignment.user_email.as_ref();
            let by_email = by_email.and_then(|email| found.users_by_email.get(email.as_str()));
            by_email.copied().or(device.fields.ownership.user_id)
        })
        .collect();
    let rows = ids.iter().zip(devices).zip(&assignees);
    let rows = rows
        .map(|((id, device), assignee)| DeviceRow::new(workspace, *id, &device.fields, *assignee));
    insert(connection, rows.collect())?;
    let enrollments = enrollments::newest(connection, workspace, references.serial_numbers.iter())?;
    let stored = ids.into_iter().zip(devices).zip(assignees);
    let stored = stored.map(|((id, device), assignee)| StoredAs {
        id: DeviceId(id),
        assignee,
        enrollment: device
            .fields
            .identity
            .serial_number
            .as_ref()
            .and_then(|serial| enrollments.get(serial.folded()).cloned()),
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

fn insert(connection: &mut PgConnection, mut rows: Vec<DeviceRow<'_>>) -> QueryResult<()> {
    // Two batches with the same serial numbers in another order must not wait for each other.
    rows.sort_by(|one, other| one.serial_number_folded.cmp(&other.serial_number_folded));
    let written = match rows.as_slice() {
        // Cheaper than COPY for one row, dearer for every other number.
        [row] => diesel::insert_into(devices::table)
            .values(row)
            .execute(connection)?,
        _ => diesel::copy_from(devices::table)
            .from_insertable(&rows)
            .execute(connection)?,
    };
    debug_assert_eq!(written, rows.len());
    Ok(())
}
