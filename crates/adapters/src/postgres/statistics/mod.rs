//! Statistics of the devices of a workspace.
//!
//! Counting reads all devices of the workspace: 0.6 s for a million. Results are therefore cached
//! for a multiple of the time that they took, so those of a small workspace are never old. After
//! that, the last result is returned while a count runs, for [`Overview::MAX_AGE`].

mod cache;
mod count;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::NaiveDate;
use devices_domain::{FleetStatistics, Overview, RepositoryError, WorkspaceId};

use crate::postgres::connection::database::Database;
pub(crate) use cache::OverviewCache;

/// Statistics of one workspace, in PostgreSQL.
pub(crate) struct PostgresStatistics {
    database: Database,
    /// Database of the count, which all requests that wait for it share.
    count_database: Database,
    cache: Arc<OverviewCache>,
    workspace: WorkspaceId,
}

impl PostgresStatistics {
    /// Creates the statistics of a request, whose statements use `database`.
    pub(crate) fn new(
        database: Database,
        store_database: &Database,
        cache: Arc<OverviewCache>,
        workspace: WorkspaceId,
    ) -> Self {
        Self {
            database,
            count_database: store_database.for_workspace(workspace).for_queries(),
            cache,
            workspace,
        }
    }
}

#[async_trait]
impl FleetStatistics for PostgresStatistics {
    async fn overview(&self, today: NaiveDate) -> Result<Overview, RepositoryError> {
        if let Some(admission) = self.database.admission()
            && !admission.is_admitted()
        {
            // A cached result needs no connection, but the decision on the request does.
            let admit = |_: &mut _| Ok::<_, RepositoryError>(());
            self.database.for_queries().run(admit).await?;
        }
        let database = self.count_database.clone();
        let workspace = self.workspace;
        let count = move || {
            let database = database.clone();
            async move {
                database
                    .read(move |connection| count::overview(connection, workspace, today))
                    .await
            }
        };
        self.cache
            .get(&self.count_database, (self.workspace, today), count)
            .await
    }
}
