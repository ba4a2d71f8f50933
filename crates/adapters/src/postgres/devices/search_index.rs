//! The search index: a search document per device, and the queue of documents to index.

use std::collections::BTreeMap;

use devices_domain::{DeviceFields, RepositoryError, SearchDocument, WorkspaceId};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer};
use diesel::upsert::excluded;

use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::classify;
use crate::postgres::query::tsvector::EncodedDocument;
use crate::postgres::schema::tables::{search_documents, search_queue};

/// A row of `search_documents`.
#[derive(Insertable)]
#[diesel(table_name = search_documents)]
struct DocumentRow<'a> {
    workspace_id: i64,
    device_id: i64,
    user_id: Option<i64>,
    identifiers: Option<&'a str>,
    is_archived: bool,
    document: EncodedDocument,
}

/// Replaces the search document of a changed device, or the one that waits in the queue.
pub(crate) fn reindex(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    device: i64,
    fields: &DeviceFields,
    is_archived: bool,
) -> QueryResult<()> {
    let identifiers = fields.search_identifiers();
    let row = DocumentRow {
        workspace_id: workspace.0,
        device_id: device,
        user_id: fields.ownership.user_id.map(|user| user.0),
        identifiers: identifiers.as_deref(),
        is_archived,
        document: EncodedDocument::new(&SearchDocument::for_device(fields)),
    };
    diesel::insert_into(search_documents::table)
        .values(row)
        .on_conflict((search_documents::workspace_id, search_documents::device_id))
        .do_update()
        .set((
            search_documents::user_id.eq(excluded(search_documents::user_id)),
            search_documents::identifiers.eq(excluded(search_documents::identifiers)),
            search_documents::is_archived.eq(excluded(search_documents::is_archived)),
            search_documents::document.eq(excluded(search_documents::document)),
        ))
        .execute(connection)?;
    Ok(())
}

/// A group of devices in the queue.
#[derive(QueryableByName)]
struct QueueEntry {
    #[diesel(sql_type = BigInt)]
    workspace_id: i64,
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Integer)]
    device_count: i32,
}

/// Indexes up to `max` of the oldest queued devices of all workspaces. Returns the number of
/// indexed devices. Several processes may index at the same time.
///
/// # Errors
/// If the database fails or a statement times out. The devices remain queued.
pub async fn index_queued_devices(
    database: &Database,
    max: usize,
) -> Result<usize, RepositoryError> {
    database
        .run(move |connection| {
            // An empty queue costs one statement and no transaction.
            let first = search_queue::table.select(search_queue::id).limit(1);
            let first: Option<i64> = first.first(connection).optional().map_err(classify)?;
            if first.is_none() {
                return Ok(0);
            }
            #[expect(
                clippy::disallowed_methods,
                reason = "after a lost COMMIT the devices are indexed, or still queued"
            )]
            let indexed = connection.transaction(|connection| index_oldest(connection, max));
            indexed.map_err(classify)
        })
        .await
}

fn index_oldest(connection: &mut PgConnection, max: usize) -> QueryResult<usize> {
    // Entries that this call locks, but does not need, stay locked until the transaction ends. No
    // more than `max` are needed, since each has at least one device.
    const MAX_ENTRIES: usize = 100;
    let entries: Vec<QueueEntry> = diesel::sql_query(format!(
        "/* all workspaces */ SELECT workspace_id, id, cardinality(device_ids) AS device_count \
         FROM search_queue ORDER BY id LIMIT {} FOR UPDATE SKIP LOCKED",
        max.min(MAX_ENTRIES),
    ))
    .load(connection)?;
    let max = i32::try_from(max).unwrap_or(i32::MAX);
    let indexed = match entries.first() {
        Some(first) if first.device_count > max => {
            index(connection, first.workspace_id, &[first.id], max)?;
            remove_first(connection, first, max)?;
            max
        }
        _ => index_whole_entries(connection, &entries, max)?,
    };
    Ok(indexed.unsigned_abs() as usize)
}

/// Indexes the first entries that together have at most `max` devices, with two statements per
/// workspace. Returns the number of their devices. The first entry that does not fit waits for the
/// next call: splitting it would write the rest of it anew.
fn index_whole_entries(
    connection: &mut PgConnection,
    entries: &[QueueEntry],
    max: i32,
) -> QueryResult<i32> {
    let mut indexed = 0;
    let mut ids_by_workspace: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for entry in entries {
        if indexed + entry.device_count > max {
            break;
        }
        indexed += entry.device_count;
        let ids = ids_by_workspace.entry(entry.workspace_id).or_default();
        ids.push(entry.id);
    }
    for (workspace, ids) in ids_by_workspace {
        index(connection, workspace, &ids, i32::MAX)?;
        let rows = search_queue::table
            .filter(search_queue::workspace_id.eq(workspace))
            .filter(search_queue::id.eq_any(ids));
        diesel::delete(rows).execute(connection)?;
    }
    Ok(indexed)
}

/// Inserts the first `max` documents of each of these entries of the queue into the index. An
/// existing document comes from a later change of the device, and is newer.
fn index(
    connection: &mut PgConnection,
    workspace: i64,
    entries: &[i64],
    max: i32,
) -> QueryResult<()> {
    diesel::sql_query(
        "INSERT INTO search_documents \
             (workspace_id, device_id, user_id, identifiers, is_archived, document) \
         SELECT $1, queued.device_id, queued.user_id, queued.identifiers, false, queued.document \
         FROM search_queue CROSS JOIN LATERAL unnest( \
             search_queue.device_ids[1:$3], search_queue.user_ids[1:$3], \
             search_queue.identifiers[1:$3], search_queue.documents[1:$3] \
         ) AS queued (device_id, user_id, identifiers, document) \
         WHERE search_queue.workspace_id = $1 AND search_queue.id = ANY ($2) \
         ON CONFLICT (workspace_id, device_id) DO NOTHING",
    )
    .bind::<BigInt, _>(workspace)
    .bind::<Array<BigInt>, _>(entries)
    .bind::<Integer, _>(max)
    .execute(connection)?;
    Ok(())
}

/// Removes the first `count` devices of an entry of the queue.
fn remove_first(connection: &mut PgConnection, entry: &QueueEntry, count: i32) -> QueryResult<()> {
    diesel::sql_query(
        "UPDATE search_queue SET device_ids = device_ids[$3 + 1:], user_ids = user_ids[$3 + 1:], \
             identifiers = identifiers[$3 + 1:], documents = documents[$3 + 1:] \
         WHERE search_queue.workspace_id = $1 AND search_queue.id = $2",
    )
    .bind::<BigInt, _>(entry.workspace_id)
    .bind::<BigInt, _>(entry.id)
    .bind::<Integer, _>(count)
    .execute(connection)?;
    Ok(())
}
