//! The statement that changes several locked devices: their rows and their search documents.
//!
//! Its caller inserts the events.

use chrono::{DateTime, Utc};
use devices_domain::{DeviceFields, WorkspaceId};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz};

use super::column_arrays::{ColumnArray, ColumnArrays};
use super::columns::DeviceRow;
use super::stored_state::StoredState;
use crate::postgres::query::local_settings::probing_index;
use crate::postgres::query::prepared::prepared;
use crate::postgres::query::tsvector::{DocumentArray, EncodedDocuments, Tsvector};

/// Change of a device that the transaction has locked.
pub(crate) struct StateChange<'a> {
    pub(crate) before: &'a StoredState,
    pub(crate) after: &'a DeviceFields,
}

/// Status of the devices after a change.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum StatusAfter {
    Active,
    Archived,
}

/// Time and status that all devices get.
#[derive(Clone, Copy)]
struct Change {
    at: DateTime<Utc>,
    status: StatusAfter,
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = BigInt)]
    changed: i64,
}

/// Maximum number of devices per statement. One for 20,000 devices took 2 s, near the default
/// timeout of statements, because it also indexes their search documents.
const MAX_DEVICES: usize = 2_500;

/// Stores the new states of devices, at least one, with one statement per [`MAX_DEVICES`]. Sets
/// `updated_at`, `deleted_at`, and the columns that differ for at least one of the devices.
///
/// Returns the time of the change, which follows all earlier changes of each of the devices. All of
/// them get the same time, because they can have one event, and the event feed is in the order of
/// the times (ADR 40).
///
/// # Errors
/// `NotFound` if a device does not exist. The caller must then roll back.
pub(crate) fn apply(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    changes: &[StateChange<'_>],
    status: StatusAfter,
) -> QueryResult<DateTime<Utc>> {
    let times = changes.iter().map(|change| change.before.next_updated_at);
    let changed_at = times.max().ok_or(DieselError::NotFound)?;
    let mut sorted: Vec<&StateChange<'_>> = changes.iter().collect();
    // The order in which the job that indexes devices writes the documents: another order could
    // deadlock with it.
    sorted.sort_unstable_by_key(|change| change.before.id);
    let change = Change {
        at: changed_at,
        status,
    };
    for chunk in sorted.chunks(MAX_DEVICES) {
        apply_chunk(connection, workspace, chunk, change)?;
    }
    Ok(changed_at)
}

/// Stores the new states of devices, sorted by id, with one statement.
fn apply_chunk(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    changes: &[&StateChange<'_>],
    change: Change,
) -> QueryResult<()> {
    let is_archived = change.status == StatusAfter::Archived;
    let columns = changed_columns(workspace, changes);
    let documents = Documents::new(changes, is_archived);
    let ids: Vec<i64> = changes.iter().map(|change| change.before.id.0).collect();
    let query = prepared(statement(&columns))
        .bind::<BigInt, _>(workspace.0)
        .bind::<Array<BigInt>, _>(ids)
        .bind::<Timestamptz, _>(change.at)
        .bind::<Nullable<Timestamptz>, _>(is_archived.then_some(change.at))
        .bind::<Array<BigInt>, _>(documents.devices)
        .bind::<Array<Nullable<BigInt>>, _>(documents.users)
        .bind::<Array<Nullable<Text>>, _>(documents.identifiers)
        .bind::<Bool, _>(is_archived)
        .bind::<Array<Tsvector>, _>(DocumentArray(vec![&documents.encoded]));
    // There is a text for each set of columns: a connection would keep all of them.
    let query = DeviceRow::bind_arrays(columns, query).into_unprepared();
    let row: CountRow = probing_index(connection, |connection| query.get_result(connection))?;
    if row.changed == changes.len() as i64 {
        Ok(())
    } else {
        Err(DieselError::NotFound)
    }
}

/// Returns the new values of each column as an array in the order of the changes, or `None` for a
/// column that no change concerns.
fn changed_columns(
    workspace: WorkspaceId,
    changes: &[&StateChange<'_>],
) -> Vec<Option<ColumnArray>> {
    let mut before = ColumnArrays::new(DeviceRow::COLUMNS.len());
    let mut after = ColumnArrays::new(DeviceRow::COLUMNS.len());
    for change in changes {
        for (fields, arrays) in [
            (&change.before.fields, &mut before),
            (change.after, &mut after),
        ] {
            let assignee = fields.ownership.user_id;
            DeviceRow::new(workspace, change.before.id.0, fields, assignee).encode(arrays);
        }
    }
    let columns = before.into_columns().zip(after.into_columns());
    columns
        .map(|(before, after)| (before != after).then_some(after))
        .collect()
}

/// New search documents, one column per field, in the order of the changes.
#[derive(Default)]
struct Documents {
    devices: Vec<i64>,
    users: Vec<Option<i64>>,
    identifiers: Vec<Option<String>>,
    encoded: EncodedDocuments,
}

impl Documents {
    fn new(changes: &[&StateChange<'_>], is_archived: bool) -> Self {
        let mut documents = Self::default();
        for StateChange { before, after } in changes {
            let Some(document) = before.changed_document(after, is_archived) else {
                continue;
            };
            documents.devices.push(before.id.0);
            let assignee = after.ownership.user_id;
            documents.users.push(assignee.map(|user| user.0));
            let identifiers = after.search_identifiers();
            documents.identifiers.push(identifiers.map(Into::into));
            documents.encoded.push_encoded(&document);
        }
        documents
    }
}

/// Number of the first parameter for a column of `devices`. [`apply_chunk`] binds nine before
/// it.
const FIRST_COLUMN: usize = 10;

/// Returns the statement of [`apply_chunk`], which sets the columns that have an array.
fn statement(columns: &[Option<ColumnArray>]) -> String {
    let (mut arrays, mut names) = (vec!["$2".to_owned()], vec!["id"]);
    let mut assignments = vec!["updated_at = $3, deleted_at = $4".to_owned()];
    let all = DeviceRow::COLUMNS.iter().zip(DeviceRow::casts());
    let changed = all.zip(columns).filter(|(_, array)| array.is_some());
    for (((column, cast), _), parameter) in changed.zip(FIRST_COLUMN..) {
        arrays.push(format!("${parameter}"));
        names.push(column);
        assignments.push(format!("{column} = new.{column}{cast}"));
    }
    let (arrays, names) = (arrays.join(", "), names.join(", "));
    let assignments = assignments.join(", ");
    format!(
        "WITH changed AS ( \
             UPDATE devices SET {assignments} FROM unnest({arrays}) AS new ({names}) \
             WHERE devices.workspace_id = $1 AND devices.id = new.id \
             RETURNING devices.id \
         ), document AS ( \
             INSERT INTO search_documents \
                 (workspace_id, device_id, user_id, identifiers, is_archived, document) \
             SELECT $1, new.device_id, new.user_id, new.identifiers, $8, new.document \
             FROM unnest($5, $6, $7, $9) \
                 AS new (device_id, user_id, identifiers, document) \
             ON CONFLICT (workspace_id, device_id) DO UPDATE SET \
                 user_id = excluded.user_id, identifiers = excluded.identifiers, \
                 is_archived = excluded.is_archived, document = excluded.document \
         ) SELECT count(*) AS changed FROM changed"
    )
}
