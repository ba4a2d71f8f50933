//! Counts of what each workspace stores, which cost the same however much it is.
//!
//! Each transaction that adds or removes something also inserts a row into `usage_changes`, and
//! locks no row. A background job merges these rows into `usage_counts`. The current number is the
//! merged count plus the changes since (ADR 27).

use std::time::Duration;

use devices_domain::{RepositoryError, WorkspaceId};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double, Text};

use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::{classify, is_serialization_failure};
use crate::postgres::query::prepared::prepared;

/// Something that is counted per workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resource {
    /// Active devices.
    Devices,
    /// Active users.
    Users,
    /// Active enrolments.
    Enrollments,
    /// Bytes of the stored responses of idempotent requests.
    ResponseBytes,
}

impl Resource {
    /// All resources, in the order in which merges and recounts lock their counts.
    const ALL: [Self; 4] = [
        Self::Devices,
        Self::Enrollments,
        Self::ResponseBytes,
        Self::Users,
    ];

    /// Returns the value of the column `resource`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Devices => "devices",
            Self::Users => "users",
            Self::Enrollments => "enrollments",
            Self::ResponseBytes => "response_bytes",
        }
    }

    /// Returns the SELECT that counts the resource's rows in the workspace `$1`.
    fn count_sql(self) -> &'static str {
        match self {
            Self::Devices => {
                "SELECT count(*) FROM devices \
                 WHERE devices.workspace_id = $1 AND devices.deleted_at IS NULL"
            }
            Self::Users => {
                "SELECT count(*) FROM users \
                 WHERE users.workspace_id = $1 AND users.deleted_at IS NULL"
            }
            Self::Enrollments => {
                "SELECT count(*) FROM devices_mdm \
                 WHERE devices_mdm.workspace_id = $1 AND devices_mdm.deleted_at IS NULL"
            }
            Self::ResponseBytes => {
                "SELECT coalesce(sum(octet_length(outcome)), 0)::bigint FROM idempotency_keys \
                 WHERE idempotency_keys.workspace_id = $1"
            }
        }
    }
}

/// A change of a number, by one transaction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UsageChange {
    pub(crate) resource: Resource,
    /// Difference to the number before.
    pub(crate) change: i64,
}

impl UsageChange {
    /// Creates a change by `change`.
    pub(crate) fn new(resource: Resource, change: i64) -> Self {
        Self { resource, change }
    }

    /// Records the change in the transaction that makes it.
    pub(crate) fn record(
        self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
    ) -> QueryResult<()> {
        prepared("INSERT INTO usage_changes (workspace_id, resource, change) VALUES ($1, $2, $3)")
            .bind::<BigInt, _>(workspace.0)
            .bind::<Text, _>(self.resource.as_str())
            .bind::<BigInt, _>(self.change)
            .execute(connection)
    }
}

#[derive(QueryableByName)]
struct TotalRow {
    #[diesel(sql_type = BigInt)]
    total: i64,
}

/// Returns the SQL expression for the current number of the workspace `$1`, of type `bigint`.
pub(crate) fn total_sql(resource: Resource) -> String {
    let resource = resource.as_str();
    format!(
        "(coalesce((SELECT count FROM usage_counts \
                    WHERE usage_counts.workspace_id = $1 \
                      AND usage_counts.resource = '{resource}'), 0) \
          + coalesce((SELECT sum(change) FROM usage_changes \
                      WHERE usage_changes.workspace_id = $1 \
                        AND usage_changes.resource = '{resource}'), 0))::bigint"
    )
}

/// Returns the current number, as the snapshot of the statement sees it.
pub(crate) fn total(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    resource: Resource,
) -> QueryResult<u64> {
    let row: TotalRow = prepared(format!("SELECT {} AS total", total_sql(resource)))
        .bind::<BigInt, _>(workspace.0)
        .get_result(connection)?;
    // A server of the previous version does not record what it adds, so a later removal can make
    // the number negative until the next recount.
    Ok(u64::try_from(row.total).unwrap_or_default())
}

#[derive(QueryableByName)]
struct WorkspaceRow {
    #[diesel(sql_type = BigInt)]
    workspace_id: i64,
}

/// Merges the recorded changes of up to 1,000 workspaces into their counts. Returns the number of
/// workspaces that had changes. Several processes may merge at the same time: each change is
/// deleted, and added to the count, by one of them.
///
/// # Errors
/// If the database fails. Changes that were not merged stay recorded.
pub async fn merge_usage_changes(database: &Database) -> Result<usize, RepositoryError> {
    database
        .run(|connection| {
            let workspaces: Vec<WorkspaceRow> = diesel::sql_query(
                "/* all workspaces */ SELECT DISTINCT workspace_id FROM usage_changes LIMIT 1000",
            )
            .load(connection)
            .map_err(classify)?;
            for workspace in &workspaces {
                merge(connection, workspace.workspace_id).map_err(classify)?;
            }
            Ok(workspaces.len())
        })
        .await
}

fn merge(connection: &mut PgConnection, workspace: i64) -> QueryResult<()> {
    // Sorted, so that two transactions lock the counts in the same order.
    diesel::sql_query(
        "WITH merged AS ( \
             DELETE FROM usage_changes WHERE usage_changes.workspace_id = $1 \
             RETURNING resource, change \
         ) \
         INSERT INTO usage_counts AS counted (workspace_id, resource, count) \
         SELECT $1, resource, sum(change) FROM merged GROUP BY resource ORDER BY resource \
         ON CONFLICT (workspace_id, resource) DO UPDATE SET count = counted.count + excluded.count",
    )
    .bind::<BigInt, _>(workspace)
    .execute(connection)?;
    Ok(())
}

/// Counts again what workspaces store, if the last time is longer ago than `interval`. Returns the
/// number of recounted workspaces, at most 100.
///
/// Corrects what servers of the previous version did not record. Changes during the recount are
/// neither lost nor counted twice. Several processes may recount at the same time.
///
/// # Errors
/// If the database fails. The counts of the remaining workspaces stay as they were.
pub async fn recount_usage(
    database: &Database,
    interval: Duration,
) -> Result<usize, RepositoryError> {
    let workspaces: Vec<WorkspaceRow> = database
        .run(move |connection| {
            // A recount replaces the counts of all resources at once. One of them has its time.
            diesel::sql_query(
                "/* all workspaces */ SELECT workspaces.id AS workspace_id FROM workspaces \
                 LEFT JOIN usage_counts ON usage_counts.workspace_id = workspaces.id \
                      AND usage_counts.resource = 'response_bytes' \
                      AND usage_counts.recounted_at > now() - make_interval(secs => $1) \
                 WHERE usage_counts.workspace_id IS NULL LIMIT 100",
            )
            .bind::<Double, _>(interval.as_secs_f64())
            .load(connection)
            .map_err(classify)
        })
        .await?;
    for workspace in &workspaces {
        let workspace = workspace.workspace_id;
        database
            .run(move |connection| recount(connection, workspace).map_err(classify))
            .await?;
    }
    Ok(workspaces.len())
}

/// Replaces the counts of a workspace, and the changes that they include.
///
/// The transaction has one snapshot. It sees the rows of a transaction and its change, or neither,
/// so it deletes exactly the changes of the rows that it counts.
fn recount(connection: &mut PgConnection, workspace: i64) -> QueryResult<()> {
    let recounted = connection
        .build_transaction()
        .repeatable_read()
        .run(|connection| {
            // A count of many millions of rows takes longer than a request may.
            diesel::sql_query("SET LOCAL statement_timeout = '10min'").execute(connection)?;
            // Counts before it locks rows: that can take minutes, and merges wait for the locks.
            let mut counts = Vec::new();
            for resource in Resource::ALL {
                counts.push((resource, count(connection, workspace, resource)?));
            }
            diesel::sql_query("DELETE FROM usage_changes WHERE usage_changes.workspace_id = $1")
                .bind::<BigInt, _>(workspace)
                .execute(connection)?;
            for (resource, count) in counts {
                replace_count(connection, workspace, resource, count)?;
            }
            Ok(())
        });
    match recounted {
        // Another process merged or recounted meanwhile. The workspace is still due, or done.
        Err(error) if is_serialization_failure(&error) => Ok(()),
        recounted => recounted,
    }
}

fn count(connection: &mut PgConnection, workspace: i64, resource: Resource) -> QueryResult<i64> {
    let statement = format!("SELECT ({}) AS total", resource.count_sql());
    let row: TotalRow = diesel::sql_query(statement)
        .bind::<BigInt, _>(workspace)
        .get_result(connection)?;
    Ok(row.total)
}

fn replace_count(
    connection: &mut PgConnection,
    workspace: i64,
    resource: Resource,
    count: i64,
) -> QueryResult<()> {
    diesel::sql_query(
        "INSERT INTO usage_counts (workspace_id, resource, count) VALUES ($1, $2, $3) \
         ON CONFLICT (workspace_id, resource) DO UPDATE \
         SET count = excluded.count, recounted_at = excluded.recounted_at",
    )
    .bind::<BigInt, _>(workspace)
    .bind::<Text, _>(resource.as_str())
    .bind::<BigInt, _>(count)
    .execute(connection)?;
    Ok(())
}
