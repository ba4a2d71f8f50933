//! One change of many devices, all or none. The number of its statements does not depend on the
//! number of devices.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use devices_domain::{
    BulkAction, BulkChange, BulkChangeError, BulkPlan, BulkPreview, BulkResult, DeviceId,
    LookupResult, SelectedDevice, WorkspaceId,
};
use diesel::pg::PgConnection;
use diesel::prelude::*;

use super::change_events::{self, ChangeEvents, DevicesByFields};
use super::conflicts::{self, Lookup};
use super::device_limit;
use super::id_blocks::IdBlocks;
use super::stored_state::StoredState;
use super::update_states::{self, StateChange, StatusAfter};
use crate::postgres::transaction::in_doubt::CommitMarker;
use crate::postgres::transaction::run::{Effect, Failure};
use crate::postgres::usage_counts::{Resource, UsageChange};

/// Changes every device of the change, or none.
pub(super) fn change(
    connection: &mut PgConnection,
    ids: &IdBlocks,
    workspace: WorkspaceId,
    change: &BulkChange,
) -> Result<(BulkResult, Effect), Failure<BulkChangeError>> {
    let states = StoredState::lock_all(connection, workspace, &device_ids(change))?;
    let plan = plan(connection, workspace, change, &states)?;
    if !plan.rejected.is_empty() {
        let rejected = BulkChangeError::Rejected(plan.rejected);
        return Err(Failure::Rejected(rejected));
    }
    let effect = if plan.changed.is_empty() {
        Effect::None
    } else {
        let stored = store(connection, ids, workspace, change, &states, &plan);
        Effect::Marked(stored.inspect_err(|error| ids.clear_if_taken(error))?)
    };
    let BulkPreview {
        changed, unchanged, ..
    } = plan.into_preview();
    Ok((BulkResult { changed, unchanged }, effect))
}

/// Returns what [`change`] would do with each device. Changes nothing, and locks no device.
pub(super) fn preview(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    change: &BulkChange,
) -> QueryResult<BulkPreview> {
    let states = StoredState::read_all(connection, workspace, &device_ids(change))?;
    plan(connection, workspace, change, &states).map(BulkPlan::into_preview)
}

fn device_ids(change: &BulkChange) -> Vec<i64> {
    change.devices().iter().map(|device| device.0).collect()
}

/// Looks up conflicts, locks the users that devices refer to, and plans the change.
fn plan(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    change: &BulkChange,
    states: &[StoredState],
) -> QueryResult<BulkPlan> {
    let selected = states.iter().map(|state| SelectedDevice {
        id: state.id,
        fields: &state.fields,
        is_archived: state.archived_at.is_some(),
        updated_at: state.updated_at,
    });
    let selected: Vec<SelectedDevice<'_>> = selected.collect();
    let keys = change.lookup_keys(&selected);
    let found = if keys.is_empty() {
        LookupResult::default()
    } else {
        conflicts::find(connection, workspace, &keys, Lookup::Complete)?
    };
    Ok(change.plan(&selected, &found))
}

/// Stores the changes of a plan, at least one, of locked devices. Returns the marker of the
/// transaction.
///
/// If another transaction takes a unique value after the look-up, the unique index stops this one,
/// and its retry is rejected by the plan.
fn store(
    connection: &mut PgConnection,
    ids: &IdBlocks,
    workspace: WorkspaceId,
    change: &BulkChange,
    states: &[StoredState],
    plan: &BulkPlan,
) -> QueryResult<CommitMarker> {
    let states: HashMap<DeviceId, &StoredState> =
        states.iter().map(|state| (state.id, state)).collect();
    let changes = plan.changed.iter().filter_map(|change| {
        let before = states.get(&change.device)?;
        let after = &change.fields;
        Some(StateChange { before, after })
    });
    let changes: Vec<StateChange<'_>> = changes.collect();
    let count = changes.len() as i64;
    let (status, added) = match change.action() {
        BulkAction::Archive => (StatusAfter::Archived, -count),
        BulkAction::Restore => (StatusAfter::Active, count),
        BulkAction::Assign(_)
        | BulkAction::SetLifecycle(_)
        | BulkAction::AddTag(_)
        | BulkAction::RemoveTag(_) => (StatusAfter::Active, 0),
    };
    let changed_at = update_states::apply(connection, workspace, &changes, status)?;
    let marker = insert_events(connection, ids, workspace, change, plan, changed_at)?;
    if added != 0 {
        UsageChange::new(Resource::Devices, added).record(connection, workspace)?;
    }
    if added > 0 {
        // Read after the devices were written: a new limit waits for this transaction only then.
        let limit = device_limit::find(connection, workspace)?;
        device_limit::enforce(connection, workspace, limit)?;
    }
    Ok(marker)
}

/// Inserts an event per set of changed fields. Returns the marker of the transaction.
fn insert_events(
    connection: &mut PgConnection,
    ids: &IdBlocks,
    workspace: WorkspaceId,
    change: &BulkChange,
    plan: &BulkPlan,
    occurred_at: DateTime<Utc>,
) -> QueryResult<CommitMarker> {
    let mut devices = DevicesByFields::new();
    for planned in &plan.changed {
        let fields = planned.changed_fields.clone();
        devices.entry(fields).or_default().push(planned.device.0);
    }
    let event_ids = ids.take(connection, 0, devices.len())?.events;
    let origin = change.origin();
    let events = ChangeEvents {
        action: change.action().event_action(),
        batch: None,
        devices: &devices,
        ids: &event_ids,
        occurred_at,
    };
    change_events::insert(connection, workspace, origin, &events)?;
    events.marker(workspace, origin)
}
