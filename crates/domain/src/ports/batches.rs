//! Stored batches, and their undo.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::RepositoryError;
use crate::audit::Origin;
use crate::ids::{BatchId, KeyId};
use crate::paging::{Page, PageRequest};
use crate::stored_batch::{BatchUndo, StoredBatch};

/// The batches of one workspace.
///
/// A batch exists as long as its first event. A batch that stored nothing does not exist.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait BatchRepository: Send + Sync {
    /// Lists a page of the batches that match the filter, newest first.
    async fn list(
        &self,
        filter: BatchFilter,
        page: PageRequest,
    ) -> Result<Page<StoredBatch>, RepositoryError>;

    /// Finds a batch by its number.
    async fn find(&self, batch: BatchId) -> Result<Option<StoredBatch>, RepositoryError>;

    /// Returns what [`undo`](Self::undo) would do now. Changes nothing.
    async fn preview_undo(
        &self,
        batch: BatchId,
        include_changed: bool,
    ) -> Result<Option<BatchUndo>, RepositoryError>;

    /// Archives the devices that a batch created, as [`BatchUndo::new`] decides. Returns the
    /// effect, or `None` if there is no such batch.
    ///
    /// - MUST decide while no other call can change the devices, and archive all of them or none.
    /// - MUST store the audit events in the same transaction, one of the devices and one of the
    ///   batch. An undo that archives nothing MUST NOT leave an event.
    /// - MUST be as durable as [`create`](super::DeviceRepository::create).
    async fn undo(
        &self,
        batch: BatchId,
        include_changed: bool,
        origin: Origin,
    ) -> Result<Option<BatchUndo>, RepositoryError>;
}

/// Conditions that a listed batch meets. A condition that is `None` is always met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BatchFilter {
    /// The batch was stored at this instant or later.
    pub since: Option<DateTime<Utc>>,
    /// The batch was sent with this API key.
    pub key: Option<KeyId>,
}
