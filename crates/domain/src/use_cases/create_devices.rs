//! The use case of `POST /devices`.

use std::sync::Arc;

use crate::audit::Origin;
use crate::device::NewDevice;
use crate::idempotency::{IdempotencyError, IdempotentRequest, IdempotentResponse};
use crate::ids::BatchId;
use crate::ports::{
    Conflicts, CreateError, DeviceRepository, InsertedDevice, NewBatch, RenderResponse,
    RepositoryError, StoreResult,
};
use crate::validation::batch::Batch;
use crate::validation::conflict_errors::add_batch_conflicts;
use crate::validation::report::ErrorReport;

/// Creates every device of a batch, or creates none and reports every error.
pub struct CreateDevices {
    devices: Box<dyn DeviceRepository>,
}

/// Result of a stored batch.
#[derive(Debug, Clone, PartialEq)]
pub enum CreateResult {
    /// The devices were stored.
    Devices {
        /// Number of the batch.
        batch: BatchId,
        /// The devices, in row order.
        devices: Vec<NewDevice>,
        /// Values that storing them added, in row order.
        inserted: Vec<InsertedDevice>,
    },
    /// The response of an idempotent request, rendered by this call or an earlier one.
    Response(IdempotentResponse),
}

/// Error of a batch. Nothing was stored, except possibly with [`RepositoryError::InDoubt`].
#[derive(Debug, thiserror::Error)]
pub enum CreateDevicesError {
    /// The batch is invalid or conflicts with stored data.
    #[error("the batch has {} errors", .0.total())]
    Rejected(ErrorReport),
    /// The idempotency key is in use, or belongs to another request.
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    /// The repository failed.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

impl CreateDevices {
    /// Creates the use case for the devices of one workspace.
    #[must_use]
    pub fn new(devices: Box<dyn DeviceRepository>) -> Self {
        Self { devices }
    }

    /// Finds the response of an earlier request with the same idempotency key.
    ///
    /// Call this for a body that cannot be read: the rules may have changed since the first
    /// request. [`execute`](Self::execute) does the same for a batch that can.
    ///
    /// # Errors
    /// [`IdempotencyError::KeyReused`] if the key belongs to another request.
    pub async fn find_response(
        &self,
        request: Option<&IdempotentRequest>,
    ) -> Result<Option<IdempotentResponse>, CreateDevicesError> {
        find_response(self.devices.as_ref(), request).await
    }

    /// Returns the devices that [`execute`](Self::execute) would store. Stores nothing.
    ///
    /// # Errors
    /// [`CreateDevicesError::Rejected`] like [`execute`](Self::execute).
    pub async fn validate(&self, mut batch: Batch) -> Result<Vec<NewDevice>, CreateDevicesError> {
        batch.validate_whole();
        let conflicts = self.devices.find_conflicts(batch.lookup_keys()).await?;
        let devices = match batch.try_into_devices() {
            Ok(devices) => devices,
            Err(rejected) => {
                let report = rejected.into_report(&conflicts);
                return Err(CreateDevicesError::Rejected(report));
            }
        };
        if conflicts.is_empty() {
            Ok(devices)
        } else {
            let report = conflicts_report(&devices, &conflicts);
            Err(CreateDevicesError::Rejected(report))
        }
    }

    /// Stores the devices of `batch`.
    ///
    /// With `idempotency`, stores the batch at most once per idempotency key, however often this is
    /// called, and returns the rendered response. Without it, returns the devices.
    ///
    /// # Errors
    /// [`CreateDevicesError::Rejected`] with every error of every row: shape, rules, values of
    /// unique fields that two rows share or that are taken, unknown users, and the device limit.
    pub async fn execute(
        &self,
        mut batch: Batch,
        origin: Origin,
        idempotency: Option<(IdempotentRequest, RenderResponse)>,
    ) -> Result<CreateResult, CreateDevicesError> {
        batch.validate_whole();
        match batch.try_into_devices() {
            Ok(devices) => {
                let batch = NewBatch {
                    devices,
                    origin,
                    idempotency,
                };
                self.store(batch).await
            }
            Err(rejected) => {
                // A newer version may reject a batch that an older one accepted.
                let request = idempotency.as_ref().map(|(request, _)| request);
                if let Some(response) = self.find_response(request).await? {
                    return Ok(CreateResult::Response(response));
                }
                let keys = rejected.lookup_keys();
                let conflicts = self.devices.find_conflicts(keys).await?;
                let report = rejected.into_report(&conflicts);
                Err(CreateDevicesError::Rejected(report))
            }
        }
    }

    async fn store(&self, batch: NewBatch) -> Result<CreateResult, CreateDevicesError> {
        let batch = Arc::new(batch);
        match self.devices.create(Arc::clone(&batch)).await {
            Ok(StoreResult::Response(response)) => Ok(CreateResult::Response(response)),
            Ok(StoreResult::Devices {
                batch: id,
                inserted,
            }) => Ok(CreateResult::Devices {
                batch: id,
                devices: Arc::unwrap_or_clone(batch).devices,
                inserted,
            }),
            Err(CreateError::Conflicts(conflicts)) => {
                let report = conflicts_report(&batch.devices, &conflicts);
                Err(CreateDevicesError::Rejected(report))
            }
            Err(CreateError::Idempotency(error)) => Err(error.into()),
            Err(CreateError::Repository(error)) => Err(error.into()),
        }
    }
}

/// Finds the response of an earlier request with the same idempotency key.
pub(super) async fn find_response(
    devices: &dyn DeviceRepository,
    request: Option<&IdempotentRequest>,
) -> Result<Option<IdempotentResponse>, CreateDevicesError> {
    let Some(request) = request else {
        return Ok(None);
    };
    let stored = devices.find_response(request.clone()).await?;
    let response = stored.map(|stored| request.replay(stored));
    Ok(response.transpose()?)
}

/// Returns the report of the conflicts of a valid batch.
fn conflicts_report(devices: &[NewDevice], conflicts: &Conflicts) -> ErrorReport {
    let mut report = ErrorReport::default();
    let refs = devices.iter().map(NewDevice::external_refs);
    add_batch_conflicts(&mut report, refs, conflicts);
    let row_ref = |index: usize| devices.get(index)?.row_ref.as_ref();
    report.finish().with_row_refs(row_ref)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use mockall::predicate::eq;

    use super::*;
    use crate::device::{PerUniqueField, UniqueField};
    use crate::field::{RawRow, RawValue};
    use crate::idempotency::{IdempotencyKey, StoredResponse};
    use crate::ids::{DeviceId, KeyId, UserId};
    use crate::ports::{DeviceLimitReached, MockDeviceRepository};
    use crate::validation::batch::BatchRules;
    use crate::validation::lookup_keys::LookupKeys;

    fn row(serial_number: &'static str) -> RawRow<'static> {
        let mut row = RawRow::for_device();
        for field in ["name", "type", "category"] {
            row.set(field, RawValue::text("x"));
        }
        row.set("serial_number", RawValue::text(serial_number));
        row
    }

    fn batch(rows: impl IntoIterator<Item = RawRow<'static>>) -> Batch {
        let mut batch = Batch::new(BatchRules::default());
        rows.into_iter().for_each(|row| batch.push(&row));
        batch
    }

    fn execute(
        repository: MockDeviceRepository,
        batch: Batch,
    ) -> Result<Vec<(NewDevice, InsertedDevice)>, CreateDevicesError> {
        let use_case = CreateDevices::new(Box::new(repository));
        match pollster::block_on(use_case.execute(batch, origin(), None))? {
            CreateResult::Devices {
                batch,
                devices,
                inserted,
            } => {
                assert_eq!(batch, BatchId(17));
                Ok(devices.into_iter().zip(inserted).collect())
            }
            CreateResult::Response(response) => panic!("unexpected response: {response:?}"),
        }
    }

    fn rejected(repository: MockDeviceRepository, batch: Batch) -> (ErrorReport, Vec<String>) {
        match execute(repository, batch) {
            Err(CreateDevicesError::Rejected(report)) => {
                let errors = report.entries().iter().map(ToString::to_string).collect();
                (report, errors)
            }
            other => panic!("expected a rejected batch, got {other:?}"),
        }
    }

    fn origin() -> Origin {
        Origin {
            key: KeyId(1),
            request_id: "r1".to_owned(),
            client_request_id: None,
            interface: crate::Interface::Api,
        }
    }

    fn taken(serial_number: &str, device: i64) -> Conflicts {
        Conflicts {
            taken: PerUniqueField::of(
                UniqueField::SerialNumber,
                HashMap::from([(serial_number.to_owned(), DeviceId(device))]),
            ),
            ..Conflicts::default()
        }
    }

    fn unavailable() -> RepositoryError {
        RepositoryError::Unavailable("connection refused".into())
    }

    #[test]
    fn created_devices_are_in_row_order() {
        let mut repository = MockDeviceRepository::new();
        repository
            .expect_create()
            .withf(|batch| batch.devices.len() == 2 && batch.origin == origin())
            .once()
            .returning(|batch| {
                let stored = (0..batch.devices.len() as i64).map(|offset| InsertedDevice {
                    id: DeviceId(7 + offset),
                    assignee: None,
                    enrollment: None,
                });
                Ok(StoreResult::Devices {
                    batch: BatchId(17),
                    inserted: stored.collect(),
                })
            });
        let devices = execute(repository, batch([row("B"), row("A")])).unwrap();
        let serial_number = |device| UniqueField::SerialNumber.folded(device).unwrap();
        let devices = devices.iter();
        let found =
            devices.map(|(device, inserted)| (inserted.id.0, serial_number(&device.fields)));
        assert_eq!(found.collect::<Vec<_>>(), [(7, "B"), (8, "A")]);
    }

    #[test]
    fn invalid_batch_reports_conflicts_of_all_rows() {
        let mut bad = row("S1");
        bad.set("user_id", RawValue::Integer(9));
        bad.set("client_purchase_price", RawValue::text("much"));
        let mut repository = MockDeviceRepository::new();
        repository
            .expect_find_conflicts()
            .with(eq(LookupKeys {
                unique: PerUniqueField::of(
                    UniqueField::SerialNumber,
                    vec!["S0".to_owned(), "S1".to_owned()],
                ),
                users: vec![UserId(9)],
                added_devices: 3,
                ..LookupKeys::default()
            }))
            .once()
            .returning(|_| {
                Ok(Conflicts {
                    unknown_users: BTreeSet::from([UserId(9)]),
                    ..taken("S1", 812)
                })
            });
        let (report, errors) = rejected(repository, batch([row("S0"), bad, row("s1")]));
        assert_eq!(
            errors,
            [
                "row 1: `client_purchase_price` must be a decimal amount such as \"1299.00\", without a currency",
                "row 1: `user_id` is not the id of a user of this workspace: 9",
                "row 1: `serial_number` is taken by device 812",
                "row 2: `serial_number` is the same as in row 1 of this batch",
                "row 2: `serial_number` is taken by device 812",
            ]
        );
        assert_eq!(report.total(), 5);
    }

    #[test]
    fn conflicts_of_valid_batch_become_row_errors() {
        let mut repository = MockDeviceRepository::new();
        repository
            .expect_create()
            .returning(|_| Err(CreateError::Conflicts(taken("S1", 3).into())));
        let (report, errors) = rejected(repository, batch([row("S0"), row("s1")]));
        assert_eq!(errors, ["row 1: `serial_number` is taken by device 3"]);
        assert!(!report.has_only_unknown_users());
    }

    #[test]
    fn device_limit_error_comes_first() {
        let mut repository = MockDeviceRepository::new();
        repository.expect_find_conflicts().returning(|_| {
            Ok(Conflicts {
                device_limit: Some(DeviceLimitReached {
                    limit: 5,
                    held: 4,
                    added: 2,
                }),
                ..Conflicts::default()
            })
        });
        let (_, errors) = rejected(repository, batch([row("None"), row("S1")]));
        assert_eq!(
            errors[0],
            "`devices` would exceed the workspace's limit of 5 devices: it has 4, and the batch \
             adds 2; archive devices or ask for a higher limit"
        );
        assert_eq!(errors.len(), 2);
    }

    #[test]
    fn report_knows_that_all_errors_are_unknown_users() {
        let mut bad = row("S1");
        bad.set("user_id", RawValue::Integer(9));
        let mut repository = MockDeviceRepository::new();
        repository.expect_create().returning(|_| {
            Err(CreateError::Conflicts(Box::new(Conflicts {
                unknown_users: BTreeSet::from([UserId(9)]),
                ..Conflicts::default()
            })))
        });
        let (report, _) = rejected(repository, batch([bad]));
        assert!(report.has_only_unknown_users());
    }

    #[test]
    fn unavailable_repository_is_an_error() {
        let mut repository = MockDeviceRepository::new();
        repository
            .expect_create()
            .returning(|_| Err(unavailable().into()));
        repository
            .expect_find_conflicts()
            .returning(|_| Err(unavailable()));
        let use_case = CreateDevices::new(Box::new(repository));
        for batch in [batch([row("S1")]), batch([RawRow::for_device()])] {
            let error = pollster::block_on(use_case.execute(batch, origin(), None)).unwrap_err();
            assert!(matches!(
                error,
                CreateDevicesError::Repository(RepositoryError::Unavailable(_))
            ));
        }
    }

    fn request(fingerprint: u8) -> IdempotentRequest {
        IdempotentRequest {
            operation: "POST /devices",
            key: IdempotencyKey::parse("job-1").unwrap(),
            fingerprint: [fingerprint; 32],
        }
    }

    #[test]
    fn idempotent_batch_returns_the_rendered_response() {
        let render: RenderResponse = |_, _| b"rendered".to_vec();
        let mut repository = MockDeviceRepository::new();
        repository.expect_create().once().returning(|batch| {
            let (request, render) = batch.idempotency.clone().unwrap();
            assert_eq!(request.fingerprint, [7; 32]);
            Ok(StoreResult::Response(IdempotentResponse {
                body: render(&batch.devices, &[]),
                batch: Some(BatchId(17)),
                replayed: false,
            }))
        });
        let use_case = CreateDevices::new(Box::new(repository));
        let idempotency = Some((request(7), render));
        let created = use_case.execute(batch([row("S1")]), origin(), idempotency);
        let expected = IdempotentResponse {
            body: b"rendered".to_vec(),
            batch: Some(BatchId(17)),
            replayed: false,
        };
        assert_eq!(
            pollster::block_on(created).unwrap(),
            CreateResult::Response(expected)
        );
    }

    #[test]
    fn find_response_rejects_a_reused_key() {
        let mut repository = MockDeviceRepository::new();
        repository.expect_find_response().returning(|_| {
            Ok(Some(StoredResponse {
                fingerprint: [7; 32],
                body: b"rendered".to_vec(),
                batch: None,
            }))
        });
        let use_case = CreateDevices::new(Box::new(repository));
        let response = pollster::block_on(use_case.find_response(Some(&request(7)))).unwrap();
        let response = response.map(|response| (response.body, response.replayed));
        assert_eq!(response, Some((b"rendered".to_vec(), true)));
        assert!(matches!(
            pollster::block_on(use_case.find_response(Some(&request(8)))),
            Err(CreateDevicesError::Idempotency(IdempotencyError::KeyReused))
        ));
    }

    #[test]
    fn request_in_progress_and_in_doubt_commit_are_errors() {
        let error_of = |error: CreateError| {
            let mut repository = MockDeviceRepository::new();
            repository.expect_create().return_once(|_| Err(error));
            execute(repository, batch([row("S1")])).unwrap_err()
        };
        assert!(matches!(
            error_of(IdempotencyError::InProgress.into()),
            CreateDevicesError::Idempotency(IdempotencyError::InProgress)
        ));
        assert!(matches!(
            error_of(RepositoryError::InDoubt("connection lost".into()).into()),
            CreateDevicesError::Repository(RepositoryError::InDoubt(_))
        ));
    }
}
