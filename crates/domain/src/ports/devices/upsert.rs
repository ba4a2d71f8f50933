//! Batches with options, and the results of storing them.

use std::fmt;
use std::sync::Arc;

use crate::audit::Origin;
use crate::idempotency::{IdempotencyError, IdempotentRequest, IdempotentResponse};
use crate::ports::RepositoryError;
use crate::upsert::{UpsertBatch, UpsertResult};
use crate::validation::report::ErrorReport;

/// Batch with options to store in one transaction.
pub struct NewUpsert {
    /// The rows and the options.
    pub batch: UpsertBatch,
    /// The author of the audit events.
    pub origin: Origin,
    /// `true` if the results contain the devices, `false` if their ids are enough.
    pub returns_devices: bool,
    /// The idempotent request, if the client sent an idempotency key, and the function that renders
    /// its response inside the transaction.
    pub idempotency: Option<(IdempotentRequest, RenderUpsert)>,
}

/// Renders the response body for the result of a batch.
pub type RenderUpsert = Arc<dyn Fn(&UpsertBatch, &UpsertResult) -> Vec<u8> + Send + Sync>;

impl fmt::Debug for NewUpsert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let request = self.idempotency.as_ref().map(|(request, _)| request);
        f.debug_struct("NewUpsert")
            .field("batch", &self.batch)
            .field("origin", &self.origin)
            .field("returns_devices", &self.returns_devices)
            .field("idempotency", &request)
            .finish()
    }
}

/// Result of storing a batch with options.
#[derive(Debug, Clone, PartialEq)]
pub enum UpsertOutcome {
    /// The result of each row.
    Result(UpsertResult),
    /// The response of an idempotent request: rendered and stored by this call, or by an earlier
    /// one.
    Response(IdempotentResponse),
}

/// Error of [`DeviceRepository::upsert`](super::DeviceRepository::upsert). Nothing was stored,
/// except possibly with [`RepositoryError::InDoubt`].
#[derive(Debug, thiserror::Error)]
pub enum UpsertError {
    /// The batch is invalid or conflicts with stored data.
    #[error("the batch has {} errors", .0.total())]
    Rejected(Box<ErrorReport>),
    /// The idempotency key is in use, or belongs to another request.
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    /// The repository failed.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}
