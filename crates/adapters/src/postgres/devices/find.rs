//! Look-up of single devices, many devices per statement.

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;

use async_trait::async_trait;
use devices_domain::{DeviceId, RepositoryError, StoredDevice, WorkspaceId};
use diesel::pg::PgConnection;

use super::select;
use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::classify;
use crate::postgres::transaction::begin::in_snapshot;
use crate::postgres::transaction::blocking::Lease;
use crate::postgres::transaction::commit_gate::CommitGate;
use crate::postgres::transaction::group_commit::{GroupError, GroupResult, GroupWork};

/// Finds the devices of a group with one statement. It starts after all requests of the group were
/// submitted, so that each of them sees every change that precedes it.
pub(crate) struct FindDevices {
    database: Database,
}

impl FindDevices {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }
}

#[async_trait]
impl GroupWork for FindDevices {
    type Request = DeviceId;
    type Response = Option<StoredDevice>;
    type Error = RepositoryError;
    type Unfinished = Infallible;

    const MAX_GROUP_SIZE: usize = 100;
    const CONCURRENCY: usize = 2;

    fn size(_: &DeviceId) -> usize {
        1
    }

    fn database(&self, workspace: WorkspaceId) -> Database {
        self.database.for_workspace(workspace)
    }

    fn run(
        &self,
        lease: &mut Lease,
        _: &CommitGate,
        workspace: WorkspaceId,
        devices: &[DeviceId],
    ) -> Result<Vec<GroupResult<Self>>, GroupError<Infallible>> {
        let ids: BTreeSet<i64> = devices.iter().map(|device| device.0).collect();
        let ids: Vec<i64> = ids.into_iter().collect();
        let trace = lease.trace().cloned();
        let connection = lease.connection()?;
        let load = |connection: &mut PgConnection| select::load(connection, workspace, &ids);
        // One statement needs no transaction, except to name a trace.
        let found = if trace.is_none() {
            load(connection)
        } else {
            in_snapshot(connection, trace.as_ref(), load)
        };
        let found = found.map_err(classify)?;
        let found: HashMap<i64, StoredDevice> = found
            .into_iter()
            .map(|stored| (stored.device.id.0, stored))
            .collect();
        let results = devices
            .iter()
            .map(|device| Ok(found.get(&device.0).cloned()));
        Ok(results.collect())
    }

    async fn finish(
        &self,
        _: WorkspaceId,
        _: Vec<DeviceId>,
        never: Infallible,
    ) -> Vec<GroupResult<Self>> {
        match never {}
    }
}
