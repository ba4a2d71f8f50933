//! The use case behind `POST /devices`.

use std::sync::Arc;

use crate::audit::Origin;
use crate::device::{Device, NewDevice};
use crate::idempotency::{IdempotencyError, IdempotentRequest, IdempotentResponse};
use crate::ports::{
    CreateError, DeviceRepository, NewBatch, RenderResponse, RepositoryError, StoreResult,
};
use crate::validation::batch::{Batch, report_conflicts};
use crate::validation::error::ErrorReport;

/// Creates every device of a batch, or none and says everything that is wrong with it.
pub struct CreateDevices {
    devices: Box<dyn DeviceRepository>,
}

/// What came of a batch.
#[derive(Debug, Clone, PartialEq)]
pub enum CreateResult {
    /// The devices, in the order of their rows.
    Devices(Vec<Device>),
    /// What the attempt is answered, this time and whenever it is made again.
    Response(IdempotentResponse),
}

/// Why no device was created.
#[derive(Debug, thiserror::Error)]
pub enum CreateDevicesError {
    /// The batch was refused.
    #[error("the batch was refused for {} problems", .0.total())]
    Refused(ErrorReport),
    /// The attempt cannot be made.
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    /// The store gave no answer.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

impl CreateDevices {
    /// The use case over the devices of one workspace.
    pub fn new(devices: Box<dyn DeviceRepository>) -> Self {
        Self { devices }
    }

    /// The outcome of the attempt if it succeeded before: to be asked before its rows are judged,
    /// since rules and stored devices may have changed meanwhile.
    ///
    /// # Errors
    /// [`IdempotencyError::KeyReused`] where something else was asked for under its key.
    pub async fn recall(
        &self,
        attempt: &IdempotentRequest,
    ) -> Result<Option<IdempotentResponse>, CreateDevicesError> {
        let remembered = self.devices.find_response(attempt.clone()).await?;
        let outcome = remembered.map(|remembered| attempt.recall(remembered));
        Ok(outcome.transpose()?)
    }

    /// Stores the devices of `batch`, and returns them in the order of their rows.
    ///
    /// With `once` the batch is stored at most once for the attempt, however often this is called;
    /// what `RenderResponse` makes of the devices is the outcome from then on. Without, the devices
    /// themselves are returned.
    ///
    /// # Errors
    /// [`CreateDevicesError::Refused`] with every problem of every row: its shape, the rules,
    /// serial numbers that two rows share, users that do not exist, serial numbers already taken,
    /// the workspace's device limit. Nothing is stored then.
    pub async fn execute(
        &self,
        mut batch: Batch,
        origin: Origin,
        once: Option<(IdempotentRequest, RenderResponse)>,
    ) -> Result<CreateResult, CreateDevicesError> {
        batch.validate_whole();
        match batch.try_into_devices() {
            Ok(devices) => {
                let batch = NewBatch {
                    devices,
                    origin,
                    once,
                };
                self.store(batch).await
            }
            Err(refused) => {
                let conflicts = self.devices.find_conflicts(refused.references()).await?;
                Err(CreateDevicesError::Refused(refused.into_report(&conflicts)))
            }
        }
    }

    async fn store(&self, batch: NewBatch) -> Result<CreateResult, CreateDevicesError> {
        let batch = Arc::new(batch);
        let stored = match self.devices.create(Arc::clone(&batch)).await {
            Ok(StoreResult::Devices(stored)) => stored,
            Ok(StoreResult::Response(outcome)) => return Ok(CreateResult::Response(outcome)),
            Err(CreateError::Conflicts(conflicts)) => {
                let mut report = ErrorReport::default();
                let claims = batch.devices.iter().map(NewDevice::claim);
                report_conflicts(&mut report, claims, &conflicts);
                return Err(CreateDevicesError::Refused(report.finish()));
            }
            Err(CreateError::Idempotency(error)) => return Err(error.into()),
            Err(CreateError::Repository(error)) => return Err(error.into()),
        };
        let devices = Arc::unwrap_or_clone(batch).devices;
        let created = stored.into_iter().zip(devices).map(|(stored, device)| {
            let mut fields = device.fields;
            fields.ownership.user_id = stored.assignee;
            Device {
                id: stored.id,
                fields,
                enrollment: stored.enrollment,
            }
        });
        Ok(CreateResult::Devices(created.collect()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use mockall::predicate::eq;

    use super::*;
    use crate::field::{RawRow, RawValue};
    use crate::idempotency::{IdempotencyKey, StoredResponse};
    use crate::ids::{DeviceId, KeyId, UserId};
    use crate::ports::{Conflicts, DeviceLimitReached, InsertedDevice, MockDeviceRepository};
    use crate::validation::batch::BatchRules;
    use crate::validation::lookup_keys::LookupKeys;

    fn row(serial_number: &'static str) -> RawRow<'static> {
        let mut row = RawRow::new();
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
    ) -> Result<Vec<Device>, CreateDevicesError> {
        let use_case = CreateDevices::new(Box::new(repository));
        match pollster::block_on(use_case.execute(batch, origin(), None))? {
            CreateResult::Devices(devices) => Ok(devices),
            CreateResult::Response(outcome) => panic!("no attempt was made: {outcome:?}"),
        }
    }

    fn refusals(repository: MockDeviceRepository, batch: Batch) -> (ErrorReport, Vec<String>) {
        match execute(repository, batch) {
            Err(CreateDevicesError::Refused(report)) => {
                let errors = report.entries().iter().map(ToString::to_string).collect();
                (report, errors)
            }
            other => panic!("not refused: {other:?}"),
        }
    }

    fn origin() -> Origin {
        Origin {
            key: KeyId(1),
            request_id: "r1".to_owned(),
        }
    }

    fn taken(serial_number: &str, device: i64) -> Conflicts {
        Conflicts {
            taken_serial_numbers: HashMap::from([(serial_number.to_owned(), DeviceId(device))]),
            ..Conflicts::default()
        }
    }

    fn unavailable() -> RepositoryError {
        RepositoryError::Unavailable("connection refused".into())
    }

    #[test]
    fn created_devices_come_in_the_order_of_their_rows() {
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
                Ok(StoreResult::Devices(stored.collect()))
            });
        let devices = execute(repository, batch([row("B"), row("A")])).unwrap();
        let found: Vec<_> = devices
            .iter()
            .map(|device| {
                (
                    device.id.0,
                    device
                        .fields
                        .identity
                        .serial_number
                        .as_ref()
                        .unwrap()
                        .as_str(),
                )
            })
            .collect();
        assert_eq!(found, [(7, "B"), (8, "A")]);
    }

    #[test]
    fn a_batch_with_a_bad_row_is_not_stored_and_the_store_is_asked_about_all_rows() {
        let mut bad = row("S1");
        bad.set("user_id", RawValue::Integer(9));
        bad.set("client_purchase_price", RawValue::text("much"));
        let mut repository = MockDeviceRepository::new();
        repository
            .expect_find_conflicts()
            .with(eq(LookupKeys {
                serial_numbers: vec!["S0".to_owned(), "S1".to_owned()],
                users: vec![UserId(9)],
                devices: 3,
                ..LookupKeys::default()
            }))
            .once()
            .returning(|_| {
                Ok(Conflicts {
                    unknown_users: BTreeSet::from([UserId(9)]),
                    ..taken("S1", 812)
                })
            });
        let (report, errors) = refusals(repository, batch([row("S0"), bad, row("s1")]));
        assert_eq!(
            errors,
            [
                "row 1: `client_purchase_price` must be a decimal amount such as \"1299.00\", without a currency",
                "row 1: `user_id` names no user of this workspace: 9",
                "row 1: `serial_number` is taken by device 812",
                "row 2: `serial_number` is the same as in row 1 of this batch",
                "row 2: `serial_number` is taken by device 812",
            ]
        );
        assert_eq!(report.total(), 5);
    }

    #[test]
    fn conflicts_of_a_good_batch_become_errors_of_its_rows() {
        let mut repository = MockDeviceRepository::new();
        repository
            .expect_create()
            .returning(|_| Err(CreateError::Conflicts(taken("S1", 3).into())));
        let (report, errors) = refusals(repository, batch([row("S0"), row("s1")]));
        assert_eq!(errors, ["row 1: `serial_number` is taken by device 3"]);
        assert!(!report.has_only_unknown_users());
    }

    #[test]
    fn a_reached_device_limit_is_an_error_of_the_whole_batch_and_comes_first() {
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
        let (_, errors) = refusals(repository, batch([row("None"), row("S1")]));
        assert_eq!(
            errors[0],
            "`devices` must not bring the workspace over its limit of 5 devices: \
             it holds 4, and this batch would add 2"
        );
        assert_eq!(errors.len(), 2);
    }

    #[test]
    fn a_report_of_unknown_users_alone_says_so() {
        let mut bad = row("S1");
        bad.set("user_id", RawValue::Integer(9));
        let mut repository = MockDeviceRepository::new();
        repository.expect_create().returning(|_| {
            Err(CreateError::Conflicts(Box::new(Conflicts {
                unknown_users: BTreeSet::from([UserId(9)]),
                ..Conflicts::default()
            })))
        });
        let (report, _) = refusals(repository, batch([bad]));
        assert!(report.has_only_unknown_users());
    }

    #[test]
    fn a_store_out_of_reach_is_told_as_such_whether_the_batch_is_good_or_bad() {
        let mut repository = MockDeviceRepository::new();
        repository
            .expect_create()
            .returning(|_| Err(unavailable().into()));
        repository
            .expect_find_conflicts()
            .returning(|_| Err(unavailable()));
        let use_case = CreateDevices::new(Box::new(repository));
        for batch in [batch([row("S1")]), batch([RawRow::new()])] {
            let error = pollster::block_on(use_case.execute(batch, origin(), None)).unwrap_err();
            assert!(matches!(
                error,
                CreateDevicesError::Repository(RepositoryError::Unavailable(_))
            ));
        }
    }

    fn attempt(fingerprint: u8) -> IdempotentRequest {
        IdempotentRequest {
            operation: "POST /devices",
            key: IdempotencyKey::parse("job-1").unwrap(),
            fingerprint: [fingerprint; 32],
        }
    }

    #[test]
    fn the_outcome_of_an_attempt_is_what_the_store_remembers() {
        let tell: RenderResponse = |_, _| b"told".to_vec();
        let mut repository = MockDeviceRepository::new();
        repository.expect_create().once().returning(|batch| {
            let (attempt, tell) = batch.once.clone().unwrap();
            assert_eq!(attempt.fingerprint, [7; 32]);
            Ok(StoreResult::Response(IdempotentResponse {
                answer: tell(&batch.devices, &[]),
                replayed: false,
            }))
        });
        let use_case = CreateDevices::new(Box::new(repository));
        let once = Some((attempt(7), tell));
        let created = use_case.execute(batch([row("S1")]), origin(), once);
        let expected = IdempotentResponse {
            answer: b"told".to_vec(),
            replayed: false,
        };
        assert_eq!(
            pollster::block_on(created).unwrap(),
            CreateResult::Response(expected)
        );
    }

    #[test]
    fn an_attempt_that_succeeded_is_recalled_and_its_key_serves_nothing_else() {
        let mut repository = MockDeviceRepository::new();
        repository.expect_find_response().returning(|_| {
            Ok(Some(StoredResponse {
                fingerprint: [7; 32],
                answer: b"told".to_vec(),
            }))
        });
        let use_case = CreateDevices::new(Box::new(repository));
        let recalled = pollster::block_on(use_case.recall(&attempt(7))).unwrap();
        assert_eq!(
            recalled,
            Some(IdempotentResponse {
                answer: b"told".to_vec(),
                replayed: true
            })
        );
        assert!(matches!(
            pollster::block_on(use_case.recall(&attempt(8))),
            Err(CreateDevicesError::Idempotency(IdempotencyError::KeyReused))
        ));
    }

    #[test]
    fn an_attempt_that_is_under_way_or_whose_end_is_unknown_is_told_as_such() {
        for under_way in [true, false] {
            let mut repository = MockDeviceRepository::new();
            repository
                .expect_create()
                .returning(move |_| match under_way {
                    true => Err(IdempotencyError::InProgress.into()),
                    false => Err(RepositoryError::InDoubt("cut off".into()).into()),
                });
            let error = execute(repository, batch([row("S1")])).unwrap_err();
            assert_eq!(
                under_way,
                matches!(
                    error,
                    CreateDevicesError::Idempotency(IdempotencyError::InProgress)
                )
            );
            assert_eq!(
                !under_way,
                matches!(
                    error,
                    CreateDevicesError::Repository(RepositoryError::InDoubt(_))
                )
            );
        }
    }
}
