//! Stores a batch with options as planned.

use chrono::{DateTime, Utc};
use devices_domain::{
    Action, BatchId, DeviceFields, IdempotentResponse, NewDevice, NewUpsert, PlannedRow,
    UniqueField, UpsertOutcome, UpsertPlan, UpsertResult, UserId, WorkspaceId,
};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;

use super::UpsertTransaction;
use super::records;
use super::results::{Relations, StoredRows};
use crate::postgres::devices::change_events::{self, ChangeEvents, DevicesByFields};
use crate::postgres::devices::device_limit;
use crate::postgres::devices::insert::{
    self, BatchKind, BatchRecord, BatchRecords, WorkspaceSettings,
};
use crate::postgres::devices::prepared_batch::BatchDocuments;
use crate::postgres::devices::stored_state::StoredState;
use crate::postgres::devices::update_states::{self, StateChange, StatusAfter};
use crate::postgres::idempotency_keys;
use crate::postgres::query::prepared::prepared;
use crate::postgres::transaction::in_doubt::CommitMarker;
use crate::postgres::transaction::run::Effect;
use crate::postgres::users::{self, NewUser};

/// Times of a transaction.
#[derive(QueryableByName)]
struct Clock {
    /// Start of the transaction: the time of creation of its devices.
    #[diesel(sql_type = Timestamptz)]
    started_at: DateTime<Utc>,
    /// Current time, read while the devices are locked.
    #[diesel(sql_type = Timestamptz)]
    now: DateTime<Utc>,
}

/// Rows of a plan that are written, and the ids for them.
struct Writes<'p> {
    new_users: Vec<NewUser<'p>>,
    creates: Vec<(&'p NewDevice, Option<UserId>)>,
    device_ids: Vec<i64>,
    updates: Vec<Update<'p>>,
    updates_by_fields: DevicesByFields,
    /// Ids of the events, at least one: of the creation, if devices are created, then of the
    /// updates.
    event_ids: Vec<i64>,
}

/// Change of a device that the transaction has locked.
struct Update<'p> {
    before: StoredState,
    after: &'p DeviceFields,
}

/// Stores the rows of the plan that are to be written, and their records.
pub(super) fn store(
    connection: &mut PgConnection,
    transaction: &UpsertTransaction<'_>,
    upsert: &NewUpsert,
    mut plan: UpsertPlan<'_>,
) -> QueryResult<(UpsertOutcome, Effect)> {
    let user_ids = reserve_users(connection, &mut plan)?;
    let clock: Clock =
        prepared("SELECT now() AS started_at, clock_timestamp() AS now").get_result(connection)?;
    let Some(writes) = Writes::reserve(connection, transaction, &plan, &user_ids, &clock)? else {
        let stored = StoredRows {
            device_ids: &[],
            created_at: clock.started_at,
            changed_at: None,
            relations: &Relations::default(),
            returns_devices: upsert.returns_devices,
        };
        let rows = stored.results(&plan)?;
        let result = UpsertResult { batch: None, rows };
        return Ok((UpsertOutcome::Result(result), Effect::None));
    };
    let workspace = transaction.workspace;
    writes.create_users(connection, workspace, upsert)?;
    let settings = writes.create(connection, workspace, upsert)?;
    let changed_at = writes.update(connection, workspace, upsert)?;
    let relations = if upsert.returns_devices {
        writes.load_relations(connection, workspace, settings.as_ref())?
    } else {
        Relations::default()
    };
    let marker = writes.commit_marker(workspace, upsert);
    let batch = writes.batch();
    let stored = StoredRows {
        device_ids: &writes.device_ids,
        created_at: clock.started_at,
        changed_at,
        relations: &relations,
        returns_devices: upsert.returns_devices,
    };
    let result = UpsertResult {
        batch: Some(batch),
        rows: stored.results(&plan)?,
    };
    let (options, counts) = (upsert.batch.options(), result.counts());
    records::insert_batch(connection, workspace, batch, options, counts)?;
    let outcome = store_response(connection, workspace, upsert, batch, result)?;
    let limit = settings.and_then(|settings| settings.device_limit);
    device_limit::enforce(connection, workspace, limit)?;
    Ok((outcome, Effect::Marked(marker)))
}

/// Reserves ids for the new users of the plan, and replaces their placeholders.
fn reserve_users(
    connection: &mut PgConnection,
    plan: &mut UpsertPlan<'_>,
) -> QueryResult<Vec<UserId>> {
    if plan.new_users.is_empty() {
        return Ok(Vec::new());
    }
    let ids = users::reserve_ids(connection, plan.new_users.len())?;
    plan.set_user_ids(&ids);
    Ok(ids)
}

impl<'p> Writes<'p> {
    /// Reserves ids for the rows to write. Returns `None` if there are none.
    fn reserve(
        connection: &mut PgConnection,
        transaction: &UpsertTransaction<'_>,
        plan: &'p UpsertPlan<'_>,
        user_ids: &[UserId],
        clock: &Clock,
    ) -> QueryResult<Option<Self>> {
        let (mut creates, mut updates) = (Vec::new(), Vec::new());
        let mut updates_by_fields = DevicesByFields::new();
        for row in &plan.rows {
            match row {
                PlannedRow::Create { device, assignee } => creates.push((*device, *assignee)),
                PlannedRow::Update {
                    stored,
                    fields,
                    changed_fields,
                } => {
                    let devices = updates_by_fields.entry(changed_fields.clone()).or_default();
                    devices.push(stored.device.id.0);
                    updates.push(Update {
                        before: StoredState::of_device(stored, clock.now),
                        after: fields,
                    });
                }
                PlannedRow::Unchanged(_) | PlannedRow::Skip(_) | PlannedRow::Fail(_) => {}
            }
        }
        let events = usize::from(!creates.is_empty()) + updates_by_fields.len();
        if events == 0 {
            return Ok(None);
        }
        let events = user_ids.len() + events;
        let mut reserved = transaction.ids.take(connection, creates.len(), events)?;
        // The event feed has the creation of a user before that of its devices.
        let user_events = reserved.events.drain(..user_ids.len());
        let new_users = plan.new_users.iter().zip(user_ids).zip(user_events);
        let new_users = new_users.map(|((email, id), event)| NewUser {
            id: *id,
            email,
            event,
        });
        Ok(Some(Self {
            new_users: new_users.collect(),
            creates,
            device_ids: reserved.devices,
            updates,
            updates_by_fields,
            event_ids: reserved.events,
        }))
    }

    /// Returns the number of the batch: the id of its first event.
    fn batch(&self) -> BatchId {
        BatchId(self.event_ids[0])
    }

    /// Inserts the new users and their events.
    fn create_users(
        &self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        upsert: &NewUpsert,
    ) -> QueryResult<()> {
        if self.new_users.is_empty() {
            return Ok(());
        }
        users::create_many(
            connection,
            workspace,
            self.new_users.clone(),
            &upsert.origin,
        )
    }

    /// Inserts the new devices and their event. Returns the settings of the workspace, or `None` if
    /// there is nothing to create.
    fn create(
        &self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        upsert: &NewUpsert,
    ) -> QueryResult<Option<WorkspaceSettings>> {
        if self.creates.is_empty() {
            return Ok(None);
        }
        let devices = self.creates.iter().zip(&self.device_ids);
        let devices = devices.map(|((device, assignee), id)| (*device, *id, *assignee));
        insert::devices(connection, workspace, devices)?;
        let devices = self.creates.iter().map(|(device, _)| *device);
        let assignees: Vec<_> = self.creates.iter().map(|(_, assignee)| *assignee).collect();
        let record = BatchRecord {
            origin: &upsert.origin,
            documents: &BatchDocuments::new(devices),
            device_ids: &self.device_ids,
            event_id: self.event_ids[0],
            assignees: &assignees,
        };
        let records = BatchRecords::new(workspace, std::iter::once(record));
        insert::events(connection, &records, BatchKind::WithOptions).map(Some)
    }

    /// Updates the changed devices, and inserts an event per set of changed fields. Returns the
    /// time of the change, or `None` if there is nothing to change.
    fn update(
        &self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        upsert: &NewUpsert,
    ) -> QueryResult<Option<DateTime<Utc>>> {
        if self.updates.is_empty() {
            return Ok(None);
        }
        let changes = self.updates.iter().map(|update| StateChange {
            before: &update.before,
            after: update.after,
        });
        let changes: Vec<StateChange<'_>> = changes.collect();
        let changed_at =
            update_states::apply(connection, workspace, &changes, StatusAfter::Active)?;
        let events = ChangeEvents {
            action: Action::Updated,
            batch: Some(self.batch()),
            devices: &self.updates_by_fields,
            ids: &self.event_ids[usize::from(!self.creates.is_empty())..],
            occurred_at: changed_at,
        };
        change_events::insert(connection, workspace, &upsert.origin, &events)?;
        Ok(Some(changed_at))
    }

    /// Returns the marker of the transaction, from the first event.
    fn commit_marker(&self, workspace: WorkspaceId, upsert: &NewUpsert) -> CommitMarker {
        let first_updates = self.updates_by_fields.values().next();
        let device_ids = if self.creates.is_empty() {
            first_updates.cloned().unwrap_or_default()
        } else {
            self.device_ids.clone()
        };
        CommitMarker {
            workspace,
            event_id: self.batch().0,
            key_id: upsert.origin.key.0,
            request_id: upsert.origin.request_id.clone(),
            device_ids,
            backend_pid: None,
        }
    }

    /// Loads what the written devices are related to.
    fn load_relations(
        &self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        settings: Option<&WorkspaceSettings>,
    ) -> QueryResult<Relations> {
        let may_be_enrolled = settings.is_none_or(|settings| settings.has_enrollments);
        let serial_numbers = self.new_serial_numbers().filter(|_| may_be_enrolled);
        Relations::load(connection, workspace, &self.assignees(), serial_numbers)
    }

    /// Iterates over the folded serial numbers whose enrolment is not known from the device.
    fn new_serial_numbers(&self) -> impl Iterator<Item = &str> {
        let serial_number = |fields| UniqueField::SerialNumber.folded(fields);
        let created = self.creates.iter();
        let created = created.filter_map(move |(device, _)| serial_number(&device.fields));
        let updated = self.updates.iter().filter_map(move |update| {
            let before = serial_number(&update.before.fields);
            serial_number(update.after).filter(|after| Some(*after) != before)
        });
        created.chain(updated)
    }

    /// Returns the assignees of all devices that are written.
    fn assignees(&self) -> Vec<UserId> {
        let created = self.creates.iter().filter_map(|(_, assignee)| *assignee);
        let updated = self.updates.iter();
        let updated = updated.filter_map(|update| update.after.ownership.user_id);
        let mut users: Vec<UserId> = created.chain(updated).collect();
        users.sort_unstable();
        users.dedup();
        users
    }
}

/// Stores the response to an idempotent request.
fn store_response(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    upsert: &NewUpsert,
    batch: BatchId,
    result: UpsertResult,
) -> QueryResult<UpsertOutcome> {
    let Some((request, render)) = &upsert.idempotency else {
        return Ok(UpsertOutcome::Result(result));
    };
    let response = IdempotentResponse {
        body: render(&upsert.batch, &result),
        batch: Some(batch),
        replayed: false,
    };
    idempotency_keys::insert(connection, workspace, &[(request, &response)])?;
    Ok(UpsertOutcome::Response(response))
}
