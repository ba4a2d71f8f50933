//! Stores a batch with options as planned.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use devices_domain::{
    Assignee, BatchId, Device, DeviceFields, DeviceId, Enrollment, IdempotentResponse, NewBatch,
    NewDevice, NewUpsert, PlannedRow, RowResult, StoredDevice, UniqueField, UpsertOutcome,
    UpsertPlan, UpsertResult, UserId, WorkspaceId,
};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::Timestamptz;

use super::UpsertTransaction;
use super::records::{self, DevicesByFields, UpdateEvents};
use crate::postgres::devices::accepted_batch::AcceptedBatch;
use crate::postgres::devices::bulk_change::{self, StateChange, StatusAfter};
use crate::postgres::devices::device_limit;
use crate::postgres::devices::insert::{self, BatchKind, WorkspaceSettings};
use crate::postgres::devices::prepared_batch::BatchDocuments;
use crate::postgres::devices::stored_state::StoredState;
use crate::postgres::query::prepared::prepared;
use crate::postgres::transaction::in_doubt::CommitMarker;
use crate::postgres::transaction::run::Effect;
use crate::postgres::{enrollments, idempotency_keys, users};

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
    plan: UpsertPlan<'_>,
) -> QueryResult<(UpsertOutcome, Effect)> {
    let clock: Clock =
        prepared("SELECT now() AS started_at, clock_timestamp() AS now").get_result(connection)?;
    let Some(writes) = Writes::reserve(connection, transaction, &plan, &clock)? else {
        let relations = Relations::default();
        let rows = results(&plan, &[], &relations, (clock.started_at, None))?;
        let result = UpsertResult { batch: None, rows };
        return Ok((UpsertOutcome::Result(result), Effect::None));
    };
    let workspace = transaction.workspace;
    let settings = writes.create(connection, workspace, upsert)?;
    let changed_at = writes.update(connection, workspace, upsert)?;
    let relations = Relations::load(connection, workspace, &writes, settings.as_ref())?;
    let marker = writes.commit_marker(workspace, upsert);
    let batch = writes.batch();
    let times = (clock.started_at, changed_at);
    let rows = results(&plan, &writes.device_ids, &relations, times)?;
    let result = UpsertResult {
        batch: Some(batch),
        rows,
    };
    let (options, counts) = (upsert.batch.options(), result.counts());
    records::insert_batch(connection, workspace, batch, options, counts)?;
    let outcome = store_response(connection, workspace, upsert, batch, result)?;
    let limit = settings.and_then(|settings| settings.device_limit);
    device_limit::enforce(connection, workspace, limit)?;
    Ok((outcome, Effect::Marked(marker)))
}

impl<'p> Writes<'p> {
    /// Reserves ids for the rows to write. Returns `None` if there are none.
    fn reserve(
        connection: &mut PgConnection,
        transaction: &UpsertTransaction<'_>,
        plan: &'p UpsertPlan<'_>,
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
        let reserved = transaction.ids.take(connection, creates.len(), events)?;
        Ok(Some(Self {
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
        let (devices, assignees): (Vec<&NewDevice>, Vec<Option<UserId>>) =
            self.creates.iter().copied().unzip();
        let batch = NewBatch {
            devices: devices.into_iter().cloned().collect(),
            origin: upsert.origin.clone(),
            idempotency: None,
        };
        let accepted = [AcceptedBatch {
            index: 0,
            documents: &BatchDocuments::new(&batch.devices),
            batch: &batch,
            ids: self.device_ids.clone(),
            event_id: self.event_ids[0],
            assignees,
        }];
        insert::devices(connection, workspace, &accepted)?;
        insert::events(connection, workspace, &accepted, BatchKind::WithOptions).map(Some)
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
        let changed_at = bulk_change::apply(connection, workspace, &changes, StatusAfter::Active)?;
        let events = UpdateEvents {
            batch: self.batch(),
            devices: &self.updates_by_fields,
            ids: &self.event_ids[usize::from(!self.creates.is_empty())..],
            occurred_at: changed_at,
        };
        records::insert_updates(connection, workspace, &upsert.origin, &events)?;
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

/// Objects that written devices are related to.
#[derive(Default)]
struct Relations {
    assignees: HashMap<UserId, Assignee>,
    /// By folded serial number.
    enrollments: HashMap<String, Enrollment>,
}

impl Relations {
    fn load(
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        writes: &Writes<'_>,
        settings: Option<&WorkspaceSettings>,
    ) -> QueryResult<Self> {
        let may_be_enrolled = settings.is_none_or(|settings| settings.has_enrollments);
        let enrollments = if may_be_enrolled {
            enrollments::newest(connection, workspace, writes.new_serial_numbers())?
        } else {
            HashMap::new()
        };
        Ok(Self {
            assignees: users::assignees(connection, workspace, &writes.assignees())?,
            enrollments,
        })
    }

    fn assignee(&self, fields: &DeviceFields) -> Option<Assignee> {
        self.assignees.get(&fields.ownership.user_id?).cloned()
    }

    fn enrollment(&self, fields: &DeviceFields) -> Option<Enrollment> {
        let serial_number = UniqueField::SerialNumber.folded(fields)?;
        self.enrollments.get(serial_number).cloned()
    }

    fn created_device(
        &self,
        id: i64,
        device: &NewDevice,
        assignee: Option<UserId>,
        created_at: DateTime<Utc>,
    ) -> StoredDevice {
        let mut fields = device.fields.clone();
        fields.ownership.user_id = assignee;
        StoredDevice {
            assignee: self.assignee(&fields),
            device: Device {
                id: DeviceId(id),
                enrollment: self.enrollment(&fields),
                fields,
            },
            created_at,
            updated_at: created_at,
            archived_at: None,
        }
    }

    fn updated_device(
        &self,
        stored: &StoredDevice,
        fields: &DeviceFields,
        changed_at: DateTime<Utc>,
    ) -> StoredDevice {
        let serial_number = |fields| UniqueField::SerialNumber.folded(fields);
        let enrollment = if serial_number(fields) == serial_number(&stored.device.fields) {
            stored.device.enrollment.clone()
        } else {
            self.enrollment(fields)
        };
        StoredDevice {
            assignee: self.assignee(fields),
            created_at: stored.created_at,
            updated_at: changed_at,
            archived_at: None,
            device: Device {
                id: stored.device.id,
                enrollment,
                fields: fields.clone(),
            },
        }
    }
}

/// Returns the result of each row. `device_ids` has an id for each row that creates a device. The
/// times are those of the devices that are created, and of those that are changed, if any.
fn results(
    plan: &UpsertPlan<'_>,
    device_ids: &[i64],
    relations: &Relations,
    (created_at, changed_at): (DateTime<Utc>, Option<DateTime<Utc>>),
) -> QueryResult<Vec<RowResult>> {
    let mut ids = device_ids.iter().copied();
    let rows = plan.rows.iter().map(|row| {
        Ok(match row {
            PlannedRow::Create { device, assignee } => {
                let id = ids.next().ok_or(DieselError::NotFound)?;
                let created = relations.created_device(id, device, *assignee, created_at);
                RowResult::Created(Arc::new(created))
            }
            PlannedRow::Update {
                stored,
                fields,
                changed_fields,
            } => {
                let changed_at = changed_at.ok_or(DieselError::NotFound)?;
                let updated = relations.updated_device(stored, fields, changed_at);
                RowResult::Updated(Arc::new(updated), changed_fields.clone())
            }
            PlannedRow::Unchanged(stored) => RowResult::Unchanged(Arc::clone(stored)),
            PlannedRow::Skip(stored) => RowResult::Skipped(Arc::clone(stored)),
            PlannedRow::Fail(errors) => RowResult::Failed(errors.clone()),
        })
    });
    rows.collect()
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
