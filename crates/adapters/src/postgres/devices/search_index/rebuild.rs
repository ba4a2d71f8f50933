//! Builds search documents from stored devices.

use std::borrow::Cow;

use devices_domain::{DeviceId, RebuildScope, RebuiltDocuments, SearchDocument, WorkspaceId};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text};

use super::lock;
use crate::postgres::devices::select::StoredRow;
use crate::postgres::query::prepared::unprepared;
use crate::postgres::query::tsvector::{DocumentArray, EncodedDocuments, Tsvector};
use crate::postgres::schema::tables::devices;

/// Number of devices that are checked at a time.
const MAX_CHECKED: i64 = 5_000;

/// Maximum number of documents that are built at a time. Their devices are locked until then.
const MAX_BUILT: usize = 500;

/// Builds the documents of the next devices in a transaction, as [`SearchIndex::rebuild`]
/// describes.
///
/// [`SearchIndex::rebuild`]: devices_domain::SearchIndex::rebuild
pub(super) fn rebuild_next(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    after: Option<DeviceId>,
    scope: RebuildScope,
) -> QueryResult<Option<RebuiltDocuments>> {
    #[expect(
        clippy::disallowed_methods,
        reason = "building the documents again has the same result"
    )]
    connection.transaction(|connection| {
        lock(connection, workspace)?;
        let checked = check(connection, workspace, after)?;
        let to_build = checked
            .iter()
            .filter(|row| scope == RebuildScope::All || !row.is_indexed);
        let ids: Vec<i64> = to_build.map(|row| row.id).take(MAX_BUILT).collect();
        // The next call checks those that exceed the maximum again.
        let last = if ids.len() == MAX_BUILT {
            ids.last().copied()
        } else {
            checked.last().map(|row| row.id)
        };
        build(connection, workspace, &ids)?;
        Ok(last.map(|last| RebuiltDocuments {
            last: DeviceId(last),
            checked: checked.iter().filter(|row| row.id <= last).count(),
            built: ids.len(),
        }))
    })
}

#[derive(QueryableByName)]
struct CheckedDevice {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Bool)]
    is_indexed: bool,
}

/// Returns the next devices in the order of their ids.
fn check(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    after: Option<DeviceId>,
) -> QueryResult<Vec<CheckedDevice>> {
    diesel::sql_query(
        "SELECT devices.id, EXISTS ( \
             SELECT FROM search_documents WHERE search_documents.workspace_id = $1 \
                 AND search_documents.device_id = devices.id \
         ) AS is_indexed \
         FROM devices WHERE devices.workspace_id = $1 AND devices.id > $2 \
         ORDER BY devices.id LIMIT $3",
    )
    .bind::<BigInt, _>(workspace.0)
    .bind::<BigInt, _>(after.map_or(0, |device| device.0))
    .bind::<BigInt, _>(MAX_CHECKED)
    .load(connection)
}

/// Stores the documents of these devices, and locks the devices until the transaction ends: a
/// change waits, and then replaces the document.
fn build(connection: &mut PgConnection, workspace: WorkspaceId, ids: &[i64]) -> QueryResult<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let rows = devices::table
        .filter(devices::workspace_id.eq(workspace.0))
        .filter(devices::id.eq_any(ids))
        .order(devices::id)
        .select(StoredRow::as_select())
        .for_no_key_update();
    let rows: Vec<StoredRow> = unprepared(rows).load(connection)?;
    let (mut ids, mut users, mut identifiers) = (Vec::new(), Vec::new(), Vec::new());
    let (mut are_archived, mut documents) = (Vec::new(), EncodedDocuments::default());
    for StoredRow {
        row, deleted_at, ..
    } in rows
    {
        ids.push(row.id);
        are_archived.push(deleted_at.is_some());
        let fields = row.into_fields()?;
        users.push(fields.ownership.user_id.map(|user| user.0));
        identifiers.push(fields.search_identifiers().map(Cow::into_owned));
        documents.push(&SearchDocument::for_device(&fields));
    }
    diesel::sql_query(
        "INSERT INTO search_documents \
             (workspace_id, device_id, user_id, identifiers, is_archived, document) \
         SELECT $1, * FROM unnest($2, $3, $4, $5, $6) \
         ON CONFLICT (workspace_id, device_id) DO UPDATE SET \
             user_id = excluded.user_id, identifiers = excluded.identifiers, \
             is_archived = excluded.is_archived, document = excluded.document",
    )
    .bind::<BigInt, _>(workspace.0)
    .bind::<Array<BigInt>, _>(ids)
    .bind::<Array<Nullable<BigInt>>, _>(users)
    .bind::<Array<Nullable<Text>>, _>(identifiers)
    .bind::<Array<Bool>, _>(are_archived)
    .bind::<Array<Tsvector>, _>(DocumentArray(vec![&documents]))
    .execute(connection)?;
    Ok(())
}
