//! Resolves in-doubt transactions: the connection was lost before the server confirmed COMMIT.

use std::time::{Duration, Instant};

use devices_domain::{RepositoryError, WorkspaceId};
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::classify;
use crate::postgres::schema::tables::device_events;

/// Identifies a transaction by an event that it wrote, so that another connection can find out
/// whether it was committed.
#[derive(Debug)]
pub(crate) struct CommitMarker {
    pub(crate) workspace: WorkspaceId,
    pub(crate) event_id: i64,
    pub(crate) request_id: String,
    pub(crate) device_ids: Vec<i64>,
    pub(crate) transaction_id: String,
}

#[derive(QueryableByName)]
struct TransactionStatus {
    /// `in progress`, `committed` or `aborted` as in `pg_xact_status`, `unassigned` if the server
    /// crashed and has not reached the id again, or `forgotten` if the transaction is too old.
    #[diesel(sql_type = Text)]
    status: String,
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
            match self.resolve(&database).await {
                Ok(None) => {}
                Ok(Some(is_committed)) => return Some(is_committed),
                Err(error) => {
                    tracing::warn!(%error, "cannot resolve an in-doubt transaction yet, retrying");
                }
            }
            tokio::time::sleep(RETRY_INTERVAL).await;
        }
        None
    }

    /// Returns whether the transaction was committed, or `None` while it is in progress.
    ///
    /// `pg_xact_status` alone is not sufficient. A server that crashed assigns the transaction id
    /// again if nothing of the first transaction had reached its disk. The event decides, once the
    /// transaction with that id has ended. `pg_current_xact_id`, which assigns an id to this
    /// query's own transaction, shows which ids are not assigned yet. A snapshot does not: running
    /// transactions may have ids above its `xmax`, which follows the last ended transaction.
    async fn resolve(&self, database: &Database) -> Result<Option<bool>, RepositoryError> {
        let status = diesel::sql_query(
            "SELECT CASE WHEN $1::xid8 >= pg_current_xact_id() THEN 'unassigned' \
                         ELSE coalesce(pg_xact_status($1::xid8), 'forgotten') END AS status",
        )
        .bind::<Text, _>(self.transaction_id.clone());
        let event = device_events::table
            .find((self.workspace.0, self.event_id))
            .filter(device_events::request_id.eq(self.request_id.clone()))
            .filter(device_events::device_ids.eq(self.device_ids.clone()));
        let has_event = diesel::select(diesel::dsl::exists(event));
        database
            .run(move |connection| {
                let row: TransactionStatus = status.get_result(connection).map_err(classify)?;
                match row.status.as_str() {
                    "in progress" => Ok(None),
                    "aborted" | "unassigned" => Ok(Some(false)),
                    _ => Ok(Some(has_event.get_result(connection).map_err(classify)?)),
                }
            })
            .await
    }
}
