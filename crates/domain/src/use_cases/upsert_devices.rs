//! Use case: create and change the devices of a batch with options.

use std::sync::Arc;

use crate::idempotency::{IdempotentRequest, IdempotentResponse};
use crate::ports::{DeviceRepository, NewUpsert, UpsertError, UpsertOutcome};
use crate::upsert::{BatchPlan, UpsertBatch, UpsertResult};
use crate::use_cases::create_devices::{CreateDevicesError, find_response};

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
        request: Option<&IdempotentRequest>,
    ) -> Result<Option<IdempotentResponse>, CreateDevicesError> {
        find_response(self.devices.as_ref(), request).await
    }

    /// Stores all rows of the batch that pass, in one transaction. Stores none if the batch is
    /// atomic and one of them fails.
    ///
    /// With [`NewUpsert::idempotency`], stores the batch at most once per idempotency key, however
    /// often this is called, and returns the rendered response.
    ///
    /// # Errors
    /// [`CreateDevicesError::Rejected`] with every error of every row, if an atomic batch has one,
    /// or if the batch is invalid as a whole.
    pub async fn execute(
        &self,
        mut upsert: NewUpsert,
    ) -> Result<UpsertDevicesResult, CreateDevicesError> {
        upsert.batch.validate_len();
        let upsert = Arc::new(upsert);
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
    ) -> Result<(Arc<UpsertBatch>, BatchPlan), CreateDevicesError> {
        batch.validate_len();
        let batch = Arc::new(batch);
        let plan = self.devices.plan_upsert(Arc::clone(&batch)).await?;
        Ok((batch, plan))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Origin;
    use crate::field::RawRow;
    use crate::idempotency::{IdempotencyError, IdempotencyKey, StoredResponse};
    use crate::ids::KeyId;
    use crate::ports::{LookupResult, MockDeviceRepository, RepositoryError};
    use crate::upsert::{BatchOptions, StoredMatches};
    use crate::validation::batch::BatchRules;
    use crate::validation::error::Reason;
    use crate::validation::report::ErrorReport;

    fn batch(rows: usize) -> UpsertBatch {
        let options = BatchOptions {
            is_atomic: false,
            ..BatchOptions::default()
        };
        let mut batch = UpsertBatch::new(BatchRules::default(), options);
        for _ in 0..rows {
            batch.push(&RawRow::for_device());
        }
        batch
    }

    fn upsert(rows: usize) -> NewUpsert {
        NewUpsert {
            batch: batch(rows),
            origin: Origin {
                key: KeyId(1),
                request_id: "r1".to_owned(),
                client_request_id: None,
                interface: crate::Interface::Api,
            },
            returns_devices: true,
            idempotency: None,
        }
    }

    fn error_of(error: UpsertError) -> CreateDevicesError {
        let mut devices = MockDeviceRepository::new();
        devices.expect_upsert().return_once(|_| Err(error));
        let use_case = UpsertDevices::new(Box::new(devices));
        let executed = use_case.execute(upsert(1));
        pollster::block_on(executed).unwrap_err()
    }

    #[test]
    fn errors_of_the_repository_are_returned() {
        let report = Box::new(ErrorReport::default());
        assert!(matches!(
            error_of(UpsertError::Rejected(report)),
            CreateDevicesError::Rejected(_)
        ));
        assert!(matches!(
            error_of(IdempotencyError::InProgress.into()),
            CreateDevicesError::Idempotency(IdempotencyError::InProgress)
        ));
        let in_doubt = RepositoryError::InDoubt("connection lost".into());
        assert!(matches!(
            error_of(in_doubt.into()),
            CreateDevicesError::Repository(RepositoryError::InDoubt(_))
        ));
    }

    #[test]
    fn batch_without_rows_is_invalid_as_a_whole() {
        let mut devices = MockDeviceRepository::new();
        devices.expect_plan_upsert().return_once(|batch| {
            let matches = StoredMatches::default();
            let plan = batch.plan(&matches, &LookupResult::default());
            Err(UpsertError::Rejected(Box::new(plan.unwrap_err())))
        });
        let use_case = UpsertDevices::new(Box::new(devices));
        let error = pollster::block_on(use_case.plan(batch(0))).unwrap_err();
        let CreateDevicesError::Rejected(report) = error else {
            panic!("unexpected error: {error:?}");
        };
        assert_eq!(report.entries()[0].error.reason, Reason::EmptyBatch);
    }

    #[test]
    fn stored_response_of_another_batch_is_rejected() {
        let mut devices = MockDeviceRepository::new();
        devices.expect_find_response().return_once(|_| {
            Ok(Some(StoredResponse {
                fingerprint: [7; 32],
                body: Vec::new(),
                batch: None,
            }))
        });
        let request = IdempotentRequest {
            operation: "POST /devices",
            key: IdempotencyKey::parse("night-1").unwrap(),
            fingerprint: [8; 32],
        };
        let use_case = UpsertDevices::new(Box::new(devices));
        let found = pollster::block_on(use_case.find_response(Some(&request)));
        assert!(matches!(
            found,
            Err(CreateDevicesError::Idempotency(IdempotencyError::KeyReused))
        ));
    }
}
