//! Resolves in-doubt transactions: the connection was lost before the server confirmed COMMIT.

use std::time::{Duration, Instant};

use devices_domain::{Action, RepositoryError, WorkspaceId};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Text};

use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::classify;
use crate::postgres::transaction::run::rolled_back;

/// Identifies a transaction by an event that it wrote, so that another connection can find out
/// whether it was committed.
#[derive(Debug, Clone)]
pub(crate) struct CommitMarker {
    pub(crate) workspace: WorkspaceId,
    pub(crate) event_id: i64,
    pub(crate) key_id: i64,
    pub(crate) request_id: String,
    pub(crate) device_ids: Vec<i64>,
    /// PID of the backend, if it may not have written the event yet. `None` if the server has
    /// confirmed the statement that wrote it.
    pub(crate) backend_pid: Option<i32>,
}

/// Pause between two attempts to resolve a transaction.
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

impl CommitMarker {
    /// Returns whether the transaction was committed, or `None` if that remains unknown until the
    /// timeout. Uses another connection, which counts as that of a job: the outcome of a write must
    /// not wait behind other requests of its workspace.
    pub(crate) async fn is_committed(&self, database: &Database) -> Option<bool> {
        let database = database.for_jobs();
        let deadline = Instant::now() + database.answer_timeout();
        while Instant::now() < deadline {
            let marker = self.clone();
            let resolved = database
                .run(move |connection| marker.resolve(connection).map_err(classify))
                .await;
            match resolved {
                Ok(None) => {}
                Ok(Some(is_committed)) => return Some(is_committed),
                Err(error @ RepositoryError::Unavailable(_)) => {
                    tracing::debug!(%error, "cannot resolve an in-doubt transaction yet, retrying");
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot resolve an in-doubt transaction yet, retrying");
                }
            }
            tokio::time::sleep(RETRY_INTERVAL).await;
        }
        None
    }

    /// Returns whether the transaction was committed, or `None` while its backend may still execute
    /// it.
    ///
    /// Tries to insert an event with the same key: PostgreSQL waits for the end of a transaction
    /// that has written one, also of a prepared transaction on a node of a cluster. Then the event
    /// shows the outcome. If the server crashed, its sequence may have returned the id again, so
    /// the event must also have the same request id and devices.
    fn resolve(&self, connection: &mut PgConnection) -> QueryResult<Option<bool>> {
        if let Some(pid) = self.backend_pid
            && is_backend_running(connection, pid)?
        {
            return Ok(None);
        }
        let has_event = rolled_back(connection, |connection| {
            self.wait_for_event(connection)?;
            self.has_event(connection)
        })?;
        Ok(Some(has_event))
    }

    /// Inserts an event with the same key, if there is none. Waits for a transaction that has
    /// inserted one, up to `lock_timeout`.
    fn wait_for_event(&self, connection: &mut PgConnection) -> QueryResult<()> {
        diesel::sql_query(
            "INSERT INTO device_events (workspace_id, id, action, key_id, request_id, device_ids) \
             VALUES ($1, $2, $3, $4, $5, '{0}') ON CONFLICT DO NOTHING",
        )
        .bind::<BigInt, _>(self.workspace.0)
        .bind::<BigInt, _>(self.event_id)
        .bind::<Text, _>(Action::Created.as_str())
        .bind::<BigInt, _>(self.key_id)
        // Differs from the request id of every request.
        .bind::<Text, _>("in doubt")
        .execute(connection)?;
        Ok(())
    }

    fn has_event(&self, connection: &mut PgConnection) -> QueryResult<bool> {
        let row: ExistsRow = diesel::sql_query(
            "SELECT EXISTS (SELECT FROM device_events \
                            WHERE device_events.workspace_id = $1 AND id = $2 \
                              AND request_id = $3 AND device_ids = $4) AS found",
        )
        .bind::<BigInt, _>(self.workspace.0)
        .bind::<BigInt, _>(self.event_id)
        .bind::<Text, _>(&self.request_id)
        .bind::<Array<BigInt>, _>(&self.device_ids)
        .get_result(connection)?;
        Ok(row.found)
    }
}

#[derive(QueryableByName)]
struct ExistsRow {
    #[diesel(sql_type = Bool)]
    found: bool,
}

/// Returns whether a backend is running. It may not have received its statement yet, and executes
/// it even though the connection is lost.
fn is_backend_running(connection: &mut PgConnection, pid: i32) -> QueryResult<bool> {
    let row: ExistsRow =
        diesel::sql_query("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1) AS found")
            .bind::<Integer, _>(pid)
            .get_result(connection)?;
    Ok(row.found)
}
