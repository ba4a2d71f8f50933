//! The event feed of a workspace: its committed events, numbered by its readers (ADR 40).
//!
//! The ids and the times of events are assigned before COMMIT, so they do not tell a reader what it
//! has missed. Readers therefore number the events that they see: one after the other, under the
//! lock of the workspace's row in `event_feeds`.

mod monitor;
mod number;
mod page;
mod recent;

use async_trait::async_trait;
use devices_domain::{
    EventFeed, FeedError, FeedPage, FeedRequest, RecentPage, RecentRequest, RepositoryError,
    WorkspaceId,
};

use crate::postgres::connection::database::Database;
use crate::postgres::transaction::blocking::Lease;
use crate::postgres::transaction::commit_gate::CommitGate;
pub use monitor::PostgresFeedMonitor;
pub(crate) use number::lock;

/// The event feed of one workspace, in PostgreSQL.
pub(crate) struct PostgresEventFeed {
    database: Database,
    workspace: WorkspaceId,
}

impl PostgresEventFeed {
    pub(crate) fn new(database: Database, workspace: WorkspaceId) -> Self {
        Self {
            database,
            workspace,
        }
    }
}

#[async_trait]
impl EventFeed for PostgresEventFeed {
    async fn read(&self, request: FeedRequest) -> Result<FeedPage, FeedError> {
        let workspace = self.workspace;
        let page = self
            .database
            .for_queries()
            .run_leased(move |lease, gate| read(lease, gate, workspace, request))
            .await;
        page.map_err(|error| match error {
            // Whether the events were numbered does not matter: the next read finds out.
            FeedError::Repository(RepositoryError::InDoubt(cause)) => {
                RepositoryError::Unavailable(cause).into()
            }
            error => error,
        })
    }

    async fn recent(&self, request: RecentRequest) -> Result<RecentPage, RepositoryError> {
        let workspace = self.workspace;
        self.database
            .query(move |connection| recent::load(connection, workspace, request))
            .await?
    }
}

/// Reads a page. If it reaches the last numbered event, numbers the next ones, and reads it again.
fn read(
    lease: &mut Lease,
    gate: &CommitGate,
    workspace: WorkspaceId,
    request: FeedRequest,
) -> Result<FeedPage, FeedError> {
    let numbered = page::read(lease, workspace, request)?;
    if !numbered.needs_numbering {
        return Ok(numbered.page);
    }
    number::number_next(lease, gate, workspace)?;
    Ok(page::read(lease, workspace, request)?.page)
}
