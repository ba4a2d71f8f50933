//! Retention: deletes what is older than an operator wants to keep, in small transactions.

use chrono::{DateTime, Utc};
use devices_domain::{Action, Author, DeviceId, Operator, RepositoryError, Subject, WorkspaceId};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Timestamptz};

use crate::postgres::audit_events::NewEvent;
use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::classify;
use crate::postgres::devices::lock_search_index;
use crate::postgres::event_feed;
use crate::postgres::query::statement::{IdRow, Statement, Value};
use crate::postgres::transaction::run::{Effect, Failure};

/// Deletes old objects. Requires the privileges of the owner of the tables.
#[derive(Clone)]
pub struct PostgresRetention {
    database: Database,
}

/// Kind of objects that are purged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purgeable {
    /// Archived devices.
    Devices,
    /// Deleted enrolments.
    Enrollments,
    /// Deleted users, except those whom archived devices still name.
    Users,
    /// Events of changes by requests.
    ChangeEvents,
    /// Events of administration and exports.
    AuditEvents,
}

impl Purgeable {
    /// All kinds, in the order in which they are purged: devices before their users, and events
    /// last.
    pub const ALL: [Self; 5] = [
        Self::Devices,
        Self::Enrollments,
        Self::Users,
        Self::ChangeEvents,
        Self::AuditEvents,
    ];

    /// Returns the name of the objects in reports and audit events. Both kinds of events have the
    /// same retention.
    pub fn name(self) -> &'static str {
        match self {
            Self::Devices => "archived_devices",
            Self::Enrollments => "deleted_enrollments",
            Self::Users => "deleted_users",
            Self::ChangeEvents | Self::AuditEvents => "events",
        }
    }

    fn table(self) -> &'static str {
        match self {
            Self::Devices => "devices",
            Self::Enrollments => "devices_mdm",
            Self::Users => "users",
            Self::ChangeEvents => "device_events",
            Self::AuditEvents => "audit_events",
        }
    }

    /// Returns the column of the time that is compared with the end of the retention.
    fn time(self) -> &'static str {
        match self {
            Self::Devices | Self::Enrollments | Self::Users => "deleted_at",
            Self::ChangeEvents | Self::AuditEvents => "occurred_at",
        }
    }

    /// Returns the column in whose order the objects are purged. It has an index, so that no batch
    /// reads what an earlier one has read.
    fn order(self) -> &'static str {
        match self {
            Self::Devices | Self::Enrollments | Self::Users => "id",
            Self::ChangeEvents | Self::AuditEvents => "occurred_at, id",
        }
    }
}

/// Objects of a workspace to purge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Purge {
    /// Workspace.
    pub workspace: WorkspaceId,
    /// Kind of the objects.
    pub kind: Purgeable,
    /// Purges what was archived or deleted, or has occurred, before this time.
    pub before: DateTime<Utc>,
}

/// Position after the last object of a batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PurgeCursor {
    time: DateTime<Utc>,
    id: i64,
}

/// A purged batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PurgedBatch {
    /// Number of deleted objects.
    pub deleted: usize,
    /// Number of devices that were skipped, because they wait to be indexed.
    pub skipped: usize,
    /// Start of the next batch, if there may be one.
    pub next: Option<PurgeCursor>,
}

/// Maximum number of objects per transaction, which locks them.
const BATCH_SIZE: usize = 500;

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[derive(QueryableByName)]
struct DueRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Timestamptz)]
    time: DateTime<Utc>,
    /// Position of an event in the feed of the workspace.
    #[diesel(sql_type = Nullable<BigInt>)]
    feed_position: Option<i64>,
}

impl PostgresRetention {
    /// Creates a retention on this database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// Counts the objects to purge. Users count if no device names them, except devices that were
    /// archived before `devices_before`, which are purged first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn count(
        &self,
        purge: Purge,
        devices_before: Option<DateTime<Utc>>,
    ) -> Result<u64, RepositoryError> {
        let statement = count_statement(purge, devices_before);
        let rows: Vec<CountRow> = self
            .database
            .run(move |connection| statement.load(connection).map_err(classify))
            .await?;
        let count = rows.into_iter().next().map_or(0, |row| row.count);
        Ok(count.unsigned_abs())
    }

    /// Deletes the next batch after `cursor`, in one transaction. Skips what another process has
    /// locked, so several may purge at the same time.
    ///
    /// The first batch writes the audit event of the purge with the number of objects that are
    /// `due`. Each batch of devices writes an event with their ids instead.
    ///
    /// # Errors
    /// If the database fails. Earlier batches stay deleted.
    pub async fn purge_batch(
        &self,
        purge: Purge,
        cursor: Option<PurgeCursor>,
        due: u64,
        operator: Operator,
    ) -> Result<PurgedBatch, RepositoryError> {
        let author = Author::Command(operator);
        self.database
            .transact(move |connection| {
                let batch = purge_batch(connection, purge, cursor, due, &author)?;
                Ok::<_, Failure<RepositoryError>>((batch, Effect::Unmarked))
            })
            .await
    }
}

fn purge_batch(
    connection: &mut PgConnection,
    purge: Purge,
    cursor: Option<PurgeCursor>,
    due: u64,
    author: &Author,
) -> QueryResult<PurgedBatch> {
    if purge.kind == Purgeable::Devices {
        // No device is moved from the queue to the index meanwhile.
        lock_search_index(connection, purge.workspace)?;
    }
    let feed = (purge.kind == Purgeable::ChangeEvents)
        .then(|| event_feed::lock(connection, purge.workspace))
        .transpose()?;
    let rows = lock_due(connection, purge, cursor)?;
    let mut ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    if purge.kind == Purgeable::Devices {
        let queued = queued_devices(connection, purge.workspace, &ids)?;
        ids.retain(|id| !queued.contains(id));
        delete_rows(
            connection,
            purge.workspace,
            "search_documents",
            "device_id",
            &ids,
        )?;
    }
    delete_rows(connection, purge.workspace, purge.kind.table(), "id", &ids)?;
    if let Some(feed) = feed {
        let positions: Vec<_> = rows.iter().map(|row| row.feed_position).collect();
        feed.record_purge(connection, purge.workspace, &positions)?;
    }
    if purge.kind == Purgeable::Devices && !ids.is_empty() {
        let devices = ids.iter().map(|id| DeviceId(*id)).collect();
        NewEvent::new(Action::Purged, Subject::Devices(devices)).insert_audit_event(
            connection,
            purge.workspace,
            author,
        )?;
    } else if cursor.is_none() && !ids.is_empty() {
        NewEvent::new(Action::Purged, Subject::Workspace)
            .with_fields(vec![purge.kind.name()])
            .with_count(Some(due))
            .insert_audit_event(connection, purge.workspace, author)?;
    }
    let last = rows.last().filter(|_| rows.len() == BATCH_SIZE);
    Ok(PurgedBatch {
        deleted: ids.len(),
        skipped: rows.len() - ids.len(),
        next: last.map(|row| PurgeCursor {
            time: row.time,
            id: row.id,
        }),
    })
}

/// Returns a statement that selects these columns of the objects to purge.
fn select_due(purge: Purge, columns: &str) -> Statement {
    let (table, time) = (purge.kind.table(), purge.kind.time());
    let mut due = Statement::default();
    let workspace = due.bind(Value::Integer(purge.workspace.0));
    let before = due.bind(Value::Instant(purge.before));
    due.push(&format!(
        "SELECT {columns} FROM {table} \
         WHERE {table}.workspace_id = {workspace} AND {time} < {before}"
    ));
    due
}

fn count_statement(purge: Purge, devices_before: Option<DateTime<Utc>>) -> Statement {
    let mut count = select_due(purge, "count(*)");
    if purge.kind == Purgeable::Users {
        let remains = match devices_before {
            Some(before) => {
                let before = count.bind(Value::Instant(before));
                format!(" AND (devices.deleted_at < {before}) IS NOT TRUE")
            }
            None => String::new(),
        };
        count.push(&without_devices(&remains));
    }
    count
}

/// Returns the condition that no device that meets a further condition names the user.
fn without_devices(condition: &str) -> String {
    format!(
        " AND NOT EXISTS (SELECT FROM devices \
           WHERE devices.workspace_id = $1 AND devices.user_id = users.id{condition})"
    )
}

/// Selects and locks the next objects that are due and that no other transaction has locked.
fn lock_due(
    connection: &mut PgConnection,
    purge: Purge,
    cursor: Option<PurgeCursor>,
) -> QueryResult<Vec<DueRow>> {
    let (time, order) = (purge.kind.time(), purge.kind.order());
    let feed_position = if purge.kind == Purgeable::ChangeEvents {
        "feed_position"
    } else {
        "NULL::bigint AS feed_position"
    };
    let mut due = select_due(purge, &format!("id, {time} AS time, {feed_position}"));
    if purge.kind == Purgeable::Users {
        due.push(&without_devices(""));
    }
    if let Some(cursor) = cursor {
        let id = due.bind(Value::Integer(cursor.id));
        let after = if order == "id" {
            format!(" AND id > {id}")
        } else {
            let time = due.bind(Value::Instant(cursor.time));
            format!(" AND (occurred_at, id) > ({time}, {id})")
        };
        due.push(&after);
    }
    due.push(&format!(
        " ORDER BY {order} LIMIT {BATCH_SIZE} FOR UPDATE SKIP LOCKED"
    ));
    due.load(connection)
}

/// Returns those of the devices that are in the queue of the search index. Without their devices,
/// they would become entries of the index that lead nowhere.
fn queued_devices(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    devices: &[i64],
) -> QueryResult<Vec<i64>> {
    let rows: Vec<IdRow> = diesel::sql_query(
        "SELECT DISTINCT queued.id FROM search_queue \
         CROSS JOIN LATERAL unnest(device_ids) AS queued (id) \
         WHERE search_queue.workspace_id = $1 AND device_ids && $2 AND queued.id = ANY ($2)",
    )
    .bind::<BigInt, _>(workspace.0)
    .bind::<Array<BigInt>, _>(devices)
    .load(connection)?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

fn delete_rows(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    table: &str,
    id: &str,
    ids: &[i64],
) -> QueryResult<()> {
    diesel::sql_query(format!(
        "DELETE FROM {table} WHERE {table}.workspace_id = $1 AND {id} = ANY ($2)"
    ))
    .bind::<BigInt, _>(workspace.0)
    .bind::<Array<BigInt>, _>(ids)
    .execute(connection)?;
    Ok(())
}
