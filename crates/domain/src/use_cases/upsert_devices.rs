//! The use case of `POST /devices` with options.

use std::sync::Arc;

use crate::audit::Origin;
use crate::idempotency::{IdempotentRequest, IdempotentResponse};
use crate::ports::{DeviceRepository, NewUpsert, RenderUpsert, UpsertError, UpsertOutcome};
use crate::upsert::{RowPlan, UpsertBatch, UpsertResult};
use crate::use_cases::create_devices::CreateDevicesError;

/// Creates and changes the devices of a batch, as its [options](crate::BatchOptions) state.
pub struct UpsertDevices {
    devices: Box<dyn DeviceRepository>,
}

/// Result of a batch with options.
#[derive(Debug)]
pub enum UpsertDevicesResult {
    /// The batch and the result of each row.
    Rows(Arc<NewUpsert>, UpsertResult),
    /// The response of an idempotent request, rendered by this call or an earlier one.
    Response(IdempotentResponse),
}

impl UpsertDevices {
    /// Creates the use case for the devices of one workspace.
    #[must_use]
    pub fn new(devices: Box<dyn DeviceRepository>) -> Self {
        Self { devices }
    }

    /// Finds the response of an earlier request with the same idempotency key, for a body that
    /// cannot be read.
    ///
    /// # Errors
    /// [`IdempotencyError::KeyReused`](crate::IdempotencyError::KeyReused) if the key belongs to
    /// another request.
    pub async fn find_response(
        &self,
        request: IdempotentRequest,
    ) -> Result<Option<IdempotentResponse>, CreateDevicesError> {
        let stored = self.devices.find_response(request.clone()).await?;
        let response = stored.map(|stored| request.replay(stored));
        Ok(response.transpose()?)
    }

    /// Stores all rows of the batch that pass, in one transaction. Stores none if the batch is
    /// atomic and one of them fails.
    ///
    /// With `idempotency`, stores the batch at most once per idempotency key, however often this is
    /// called, and returns the rendered response.
    ///
    /// # Errors
    /// [`CreateDevicesError::Rejected`] with every error of every row, if an atomic batch has one,
    /// or if the batch is invalid as a whole.
    pub async fn execute(
        &self,
        mut batch: UpsertBatch,
        origin: Origin,
        idempotency: Option<(IdempotentRequest, RenderUpsert)>,
    ) -> Result<UpsertDevicesResult, CreateDevicesError> {
        batch.validate_len();
        let upsert = Arc::new(NewUpsert {
            batch,
            origin,
            idempotency,
        });
        Ok(match self.devices.upsert(Arc::clone(&upsert)).await? {
            UpsertOutcome::Response(response) => UpsertDevicesResult::Response(response),
            UpsertOutcome::Result(result) => UpsertDevicesResult::Rows(upsert, result),
        })
    }

    /// Returns what [`execute`](Self::execute) would do with each row. Stores nothing.
    ///
    /// # Errors
    /// The errors of [`execute`](Self::execute).
    pub async fn plan(
        &self,
        mut batch: UpsertBatch,
    ) -> Result<(Arc<UpsertBatch>, Vec<RowPlan>), CreateDevicesError> {
        batch.validate_len();
        let batch = Arc::new(batch);
        let rows = self.devices.plan_upsert(Arc::clone(&batch)).await?;
        Ok((batch, rows))
    }
}

impl From<UpsertError> for CreateDevicesError {
    fn from(error: UpsertError) -> Self {
        match error {
            UpsertError::Rejected(report) => Self::Rejected(*report),
            UpsertError::Idempotency(error) => error.into(),
            UpsertError::Repository(error) => error.into(),
        }
    }
}
