//! The audit trail.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use devices_domain::{
    Action, DeviceId, EnrollmentId, Event, EventFilter, EventId, EventRepository, KeyId, Origin,
    RepositoryError, Subject, UserId, WorkspaceId,
};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text};

use crate::postgres::connection::database::{Database, classify};
use crate::postgres::schema::tables::device_events;

/// The audit trail, in PostgreSQL.
#[derive(Clone)]
pub struct PostgresEvents {
    database: Database,
}

impl PostgresEvents {
    /// Over this database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

/// An event that is about to be recorded.
pub(crate) struct Record {
    action: Action,
    device_ids: Vec<i64>,
    user_id: Option<i64>,
    enrollment_id: Option<i64>,
    fields: Vec<&'static str>,
}

/// What tells an event, and so its transaction, from every other.
#[derive(Debug)]
pub(crate) struct CommitMarker {
    pub(crate) workspace: WorkspaceId,
    pub(crate) event: i64,
    pub(crate) request_id: String,
    pub(crate) device_ids: Vec<i64>,
    pub(crate) transaction: String,
}

#[derive(QueryableByName)]
struct Inserted {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    transaction: String,
}

impl Record {
    pub(crate) fn new(action: Action, subject: Subject) -> Self {
        let mut record = Self {
            action,
            device_ids: Vec::new(),
            user_id: None,
            enrollment_id: None,
            fields: Vec::new(),
        };
        match subject {
            Subject::Devices(ids) => record.device_ids = ids.iter().map(|id| id.0).collect(),
            Subject::User(id) => record.user_id = Some(id.0),
            Subject::Enrollment(id) => record.enrollment_id = Some(id.0),
        }
        record
    }

    /// Of an update: which fields it changed.
    pub(crate) fn with_fields(mut self, names: Vec<&'static str>) -> Self {
        self.fields = names;
        self
    }

    pub(crate) fn write(
        self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        origin: &Origin,
    ) -> QueryResult<CommitMarker> {
        let inserted: Inserted = diesel::sql_query(
            "INSERT INTO device_events (workspace_id, action, key_id, request_id, device_ids, \
                                        user_id, enrollment_id, fields) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
             RETURNING id, pg_current_xact_id()::text AS transaction",
        )
        .bind::<BigInt, _>(workspace.0)
        .bind::<Text, _>(self.action.as_str())
        .bind::<BigInt, _>(origin.key.0)
        .bind::<Text, _>(&origin.request_id)
        .bind::<Array<BigInt>, _>(&self.device_ids)
        .bind::<Nullable<BigInt>, _>(self.user_id)
        .bind::<Nullable<BigInt>, _>(self.enrollment_id)
        .bind::<Array<Text>, _>(self.fields)
        .get_result(connection)?;
        Ok(CommitMarker {
            workspace,
            event: inserted.id,
            request_id: origin.request_id.clone(),
            device_ids: self.device_ids,
            transaction: inserted.transaction,
        })
    }
}

#[derive(QueryableByName)]
struct TransactionStatus {
    /// `in progress`, `committed` or `aborted`; `unassigned` where the server, started again after
    /// a crash, has not reached the number yet; `forgotten` where it is too old.
    #[diesel(sql_type = Text)]
    status: String,
}

/// How long is waited before a server is asked again.
const PAUSE: Duration = Duration::from_millis(50);

impl CommitMarker {
    /// Whether the transaction was committed, asked on another connection; `None` where that cannot
    /// be found out in time.
    pub(crate) async fn is_committed(&self, database: &Database) -> Option<bool> {
        let deadline = Instant::now() + database.patience();
        while Instant::now() < deadline {
            match self.ask(database).await {
                Ok(None) => {}
                Ok(Some(is_committed)) => return Some(is_committed),
                Err(error) => tracing::warn!(%error, "a batch's fate cannot be asked for yet"),
            }
            tokio::time::sleep(PAUSE).await;
        }
        None
    }

    /// Whether the transaction was committed, if it has ended.
    ///
    /// Its number alone does not tell: a server that crashed gives the number to another transaction
    /// where nothing of the first one had reached its disk. The event does, once the transaction of
    /// that number has ended. The number that the question itself is given tells which were not given
    /// yet; a snapshot does not, as it knows no transaction at work with a higher number than those
    /// that have ended.
    async fn ask(&self, database: &Database) -> Result<Option<bool>, RepositoryError> {
        let status = diesel::sql_query(
            "SELECT CASE WHEN $1::xid8 >= pg_current_xact_id() THEN 'unassigned' \
                         ELSE coalesce(pg_xact_status($1::xid8), 'forgotten') END AS status",
        )
        .bind::<Text, _>(self.transaction.clone());
        let event = device_events::table
            .find((self.workspace.0, self.event))
            .filter(device_events::request_id.eq(self.request_id.clone()))
            .filter(device_events::device_ids.eq(self.device_ids.clone()));
        let is_there = diesel::select(diesel::dsl::exists(event));
        database
            .run(move |connection| {
                let fate: TransactionStatus = status.get_result(connection).map_err(classify)?;
                match fate.status.as_str() {
                    "in progress" => Ok(None),
                    "aborted" | "unassigned" => Ok(Some(false)),
                    _ => Ok(Some(is_there.get_result(connection).map_err(classify)?)),
                }
            })
            .await
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = device_events)]
struct EventRow {
    id: i64,
    workspace_id: i64,
    occurred_at: DateTime<Utc>,
    action: String,
    key_id: i64,
    request_id: String,
    device_ids: Vec<Option<i64>>,
    user_id: Option<i64>,
    enrollment_id: Option<i64>,
    fields: Vec<Option<String>>,
}

impl TryFrom<EventRow> for Event {
    type Error = RepositoryError;

    fn try_from(row: EventRow) -> Result<Self, Self::Error> {
        let action = Action::from_name(&row.action);
        Ok(Self {
            id: EventId(row.id),
            workspace_id: WorkspaceId(row.workspace_id),
            occurred_at: row.occurred_at,
            action: action
                .ok_or_else(|| RepositoryError::Failed("unknown action of an event".into()))?,
            key_id: KeyId(row.key_id),
            request_id: row.request_id,
            device_ids: row.device_ids.into_iter().flatten().map(DeviceId).collect(),
            user_id: row.user_id.map(UserId),
            enrollment_id: row.enrollment_id.map(EnrollmentId),
            fields: row.fields.into_iter().flatten().collect(),
        })
    }
}

/// How many events are read at once.
const PAGE: i64 = 1_000;

#[async_trait]
impl EventRepository for PostgresEvents {
    async fn list(
        &self,
        workspace: WorkspaceId,
        filter: EventFilter,
    ) -> Result<Vec<Event>, RepositoryError> {
        let mut query = device_events::table
            .filter(device_events::workspace_id.eq(workspace.0))
            .order(device_events::id)
            .limit(PAGE)
            .select(EventRow::as_select())
            .into_boxed();
        if let Some(since) = filter.since {
            query = query.filter(device_events::occurred_at.ge(since));
        }
        if let Some(device) = filter.device {
            query = query.filter(device_events::device_ids.contains(vec![Some(device.0)]));
        }
        if let Some(after) = filter.after {
            query = query.filter(device_events::id.gt(after.0));
        }
        let rows: Vec<EventRow> = self
            .database
            .run(move |connection| query.load(connection).map_err(classify))
            .await?;
        rows.into_iter().map(Event::try_from).collect()
    }
}
