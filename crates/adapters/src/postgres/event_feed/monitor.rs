//! The feeds of all workspaces: their ends, and their lag.

use std::time::Duration;

use async_trait::async_trait;
use devices_domain::{FeedEnd, FeedMonitor, RepositoryError, WorkspaceId};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Double};

use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::classify;

/// The feeds of all workspaces, in PostgreSQL.
pub struct PostgresFeedMonitor {
    database: Database,
}

impl PostgresFeedMonitor {
    /// Creates a monitor of this database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

#[derive(QueryableByName)]
struct EndRow {
    #[diesel(sql_type = BigInt)]
    workspace_id: i64,
    #[diesel(sql_type = BigInt)]
    last_position: i64,
    #[diesel(sql_type = Bool)]
    has_more: bool,
}

#[derive(QueryableByName)]
struct WorkspaceRow {
    #[diesel(sql_type = BigInt)]
    workspace_id: i64,
}

#[derive(QueryableByName)]
struct LagRow {
    #[diesel(sql_type = Double)]
    seconds: f64,
}

#[async_trait]
impl FeedMonitor for PostgresFeedMonitor {
    async fn ends(&self, workspaces: Vec<WorkspaceId>) -> Result<Vec<FeedEnd>, RepositoryError> {
        let workspaces: Vec<i64> = workspaces.iter().map(|workspace| workspace.0).collect();
        let rows: Vec<EndRow> = self
            .database
            .run(move |connection| {
                diesel::sql_query(
                    "/* all workspaces */ SELECT event_feeds.workspace_id, last_position, \
                         (SELECT id FROM device_events \
                          WHERE device_events.workspace_id = event_feeds.workspace_id \
                            AND feed_position IS NULL \
                          ORDER BY occurred_at, id LIMIT 1) IS NOT NULL AS has_more \
                     FROM event_feeds WHERE event_feeds.workspace_id = ANY ($1)",
                )
                .bind::<Array<BigInt>, _>(workspaces)
                .load(connection)
                .map_err(classify)
            })
            .await?;
        let ends = rows.into_iter().map(|row| FeedEnd {
            workspace: WorkspaceId(row.workspace_id),
            last_position: row.last_position,
            has_more: row.has_more,
        });
        Ok(ends.collect())
    }

    async fn lag(&self) -> Result<Duration, RepositoryError> {
        let seconds = self
            .database
            .run(|connection| lag_seconds(connection).map_err(classify))
            .await?;
        // Negative if the clock of the database was set back.
        Ok(Duration::try_from_secs_f64(seconds).unwrap_or_default())
    }
}

/// Reads no events if no feed was read within the last 24 hours.
fn lag_seconds(connection: &mut PgConnection) -> QueryResult<f64> {
    let read: Vec<WorkspaceRow> = diesel::sql_query(
        "/* all workspaces */ SELECT workspace_id FROM event_feeds \
         WHERE read_at > now() - interval '1 day'",
    )
    .load(connection)?;
    if read.is_empty() {
        return Ok(0.0);
    }
    let workspaces: Vec<i64> = read.iter().map(|row| row.workspace_id).collect();
    let row: LagRow = diesel::sql_query(
        "/* all workspaces */ SELECT coalesce(extract(epoch FROM now() - min(oldest)), 0) \
             ::double precision AS seconds \
         FROM ( \
             SELECT (SELECT occurred_at FROM device_events \
                     WHERE device_events.workspace_id = event_feeds.workspace_id \
                       AND feed_position IS NULL \
                     ORDER BY occurred_at, id LIMIT 1) AS oldest \
             FROM event_feeds WHERE event_feeds.workspace_id = ANY ($1) \
         ) AS feed",
    )
    .bind::<Array<BigInt>, _>(workspaces)
    .get_result(connection)?;
    Ok(row.seconds)
}
