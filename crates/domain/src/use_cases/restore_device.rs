//! The use case of `POST /devices/{device_id}/restore`.

use super::update_device::UpdateDeviceError;
use crate::audit::Origin;
use crate::device::StoredDevice;
use crate::ids::DeviceId;
use crate::ports::{DeviceRepository, Precondition};
use crate::validation::conflict_errors::restore_conflicts_report;

/// Restores an archived device, or reports every conflict that prevents it.
pub struct RestoreDevice {
    devices: Box<dyn DeviceRepository>,
}

impl RestoreDevice {
    /// Creates the use case for the devices of one workspace.
    #[must_use]
    pub fn new(devices: Box<dyn DeviceRepository>) -> Self {
        Self { devices }
    }

    /// Restores the device, without its assignee if that user has been deleted. Returns an active
    /// device unchanged.
    ///
    /// # Errors
    /// [`UpdateDeviceError::Rejected`] if an active device has the device's value of a unique
    /// field, and if the device would exceed the workspace's device limit. The errors belong to no
    /// field of a request.
    pub async fn execute(
        &self,
        device: DeviceId,
        precondition: Precondition,
        origin: Origin,
    ) -> Result<StoredDevice, UpdateDeviceError> {
        let restored = self.devices.restore(device, precondition, origin).await;
        restored.map_err(|error| {
            UpdateDeviceError::from_repository(error, |rejected| {
                restore_conflicts_report(&rejected.conflicts)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use mockall::predicate::eq;

    use super::*;
    use crate::device::{PerUniqueField, UniqueField};
    use crate::ids::KeyId;
    use crate::ports::{
        ChangeConflicts, ChangeDeviceError, Conflicts, DeviceLimitReached, MockDeviceRepository,
        RepositoryError, Revision,
    };

    fn origin() -> Origin {
        Origin {
            key: KeyId(1),
            request_id: "r1".to_owned(),
            client_request_id: None,
            interface: crate::Interface::Api,
        }
    }

    /// Restores device 7 in a repository that returns this error.
    fn error_of(error: ChangeDeviceError) -> UpdateDeviceError {
        let precondition = Precondition::AnyOf(vec![Revision(3)]);
        let mut devices = MockDeviceRepository::new();
        devices
            .expect_restore()
            .with(eq(DeviceId(7)), eq(precondition.clone()), eq(origin()))
            .return_once(|_, _, _| Err(error));
        let use_case = RestoreDevice::new(Box::new(devices));
        let restored = use_case.execute(DeviceId(7), precondition, origin());
        pollster::block_on(restored).unwrap_err()
    }

    #[test]
    fn every_conflict_is_reported() {
        let conflicts = Conflicts {
            taken: PerUniqueField::of(
                UniqueField::SerialNumber,
                HashMap::from([("S1".to_owned(), DeviceId(8))]),
            ),
            device_limit: Some(DeviceLimitReached {
                limit: 3,
                held: 3,
                added: 1,
            }),
            ..Conflicts::default()
        };
        let rejected = ChangeConflicts {
            conflicts,
            ..ChangeConflicts::default()
        };
        let error = error_of(ChangeDeviceError::Rejected(rejected.into()));
        let UpdateDeviceError::Rejected(report) = error else {
            panic!("{error:?}");
        };
        let errors: Vec<_> = report.entries().iter().map(ToString::to_string).collect();
        assert_eq!(
            errors,
            [
                "`devices` would exceed the workspace's limit of 3 devices: it has 3; archive \
                 other devices or ask for a higher limit",
                "`serial_number` is taken by device 8",
            ]
        );
    }

    #[test]
    fn errors_of_repository_are_passed_on() {
        assert!(matches!(
            error_of(ChangeDeviceError::NotFound),
            UpdateDeviceError::NotFound
        ));
        assert!(matches!(
            error_of(ChangeDeviceError::PreconditionFailed),
            UpdateDeviceError::PreconditionFailed
        ));
        let in_doubt = RepositoryError::InDoubt("connection lost".into());
        assert!(matches!(
            error_of(in_doubt.into()),
            UpdateDeviceError::Repository(RepositoryError::InDoubt(_))
        ));
    }
}
