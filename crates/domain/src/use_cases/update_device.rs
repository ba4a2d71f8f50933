//! The use case of `PATCH /devices/{device_id}`.

use std::sync::Arc;

use crate::audit::Origin;
use crate::device::{RejectedPatch, StoredDevice, ValidatedPatch, Validation};
use crate::ids::DeviceId;
use crate::ports::{
    ChangeConflicts, ChangeDeviceError, DeviceChange, DeviceRepository, Precondition,
    RepositoryError,
};
use crate::validation::conflict_errors::add_row_conflicts;
use crate::validation::external_refs::ExternalRefs;
use crate::validation::lookup_keys::LookupKeys;
use crate::validation::report::ErrorReport;

/// Applies a patch to a device, or reports every error of the patch.
pub struct UpdateDevice {
    devices: Box<dyn DeviceRepository>,
}

/// Error of a change of a device. Nothing was changed, except possibly with
/// [`RepositoryError::InDoubt`].
#[derive(Debug, thiserror::Error)]
pub enum UpdateDeviceError {
    /// The device does not exist.
    #[error("the device does not exist")]
    NotFound,
    /// The device is archived.
    #[error("the device is archived")]
    Archived,
    /// The device has another revision than the [`Precondition`] requires.
    #[error("the device has changed")]
    PreconditionFailed,
    /// The patch contains no field.
    #[error("the patch contains no field")]
    Empty,
    /// The patch is invalid, or the changed device would be.
    #[error("the change has {} errors", .0.total())]
    Rejected(ErrorReport),
    /// The repository failed.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

impl UpdateDeviceError {
    /// Converts an error of the repository. `report` renders its conflicts.
    pub(super) fn from_repository(
        error: ChangeDeviceError,
        report: impl FnOnce(ChangeConflicts) -> ErrorReport,
    ) -> Self {
        match error {
            ChangeDeviceError::NotFound => Self::NotFound,
            ChangeDeviceError::Archived => Self::Archived,
            ChangeDeviceError::PreconditionFailed => Self::PreconditionFailed,
            ChangeDeviceError::Rejected(conflicts) => Self::Rejected(report(*conflicts)),
            ChangeDeviceError::Repository(error) => error.into(),
        }
    }
}

impl UpdateDevice {
    /// Creates the use case for the devices of one workspace.
    #[must_use]
    pub fn new(devices: Box<dyn DeviceRepository>) -> Self {
        Self { devices }
    }

    /// Applies the patch to the device. Returns the changed device.
    ///
    /// # Errors
    /// [`UpdateDeviceError::Rejected`] with every error of the patch: shape, rules, an unknown
    /// user, and values of unique fields that another device has.
    pub async fn execute(
        &self,
        device: DeviceId,
        patch: ValidatedPatch,
        precondition: Precondition,
        origin: Origin,
    ) -> Result<StoredDevice, UpdateDeviceError> {
        let patch = match patch.0 {
            Validation::Valid(patch) => *patch,
            Validation::Empty => return Err(UpdateDeviceError::Empty),
            Validation::Rejected(rejected) => {
                let report = self.complete_report(device, *rejected).await?;
                return Err(UpdateDeviceError::Rejected(report));
            }
        };
        let change = Arc::new(DeviceChange {
            device,
            patch,
            precondition,
            origin,
        });
        let updated = self.devices.update(Arc::clone(&change)).await;
        updated.map_err(|error| {
            UpdateDeviceError::from_repository(error, |conflicts| {
                let refs = change.patch.external_refs();
                with_conflicts(ErrorReport::default(), refs, conflicts)
            })
        })
    }

    /// Returns the report of an invalid patch, with the errors that only the stored data shows.
    async fn complete_report(
        &self,
        device: DeviceId,
        patch: RejectedPatch,
    ) -> Result<ErrorReport, UpdateDeviceError> {
        let stored = self.devices.find(device).await?;
        let stored = stored.ok_or(UpdateDeviceError::NotFound)?;
        if stored.archived_at.is_some() {
            return Err(UpdateDeviceError::Archived);
        }
        let keys = LookupKeys::from_change(device, patch.external_refs());
        let conflicts = ChangeConflicts {
            errors: patch.errors_for(&stored.device.fields),
            conflicts: self.devices.find_conflicts(keys).await?,
        };
        let refs = patch.external_refs();
        Ok(with_conflicts(patch.report.clone(), refs, conflicts))
    }
}

fn with_conflicts(
    mut report: ErrorReport,
    refs: ExternalRefs<'_>,
    conflicts: ChangeConflicts,
) -> ErrorReport {
    let ChangeConflicts { errors, conflicts } = conflicts;
    for error in errors {
        report.add(None, error);
    }
    add_row_conflicts(&mut report, None, refs, &conflicts);
    report.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use chrono::Utc;

    use super::*;
    use crate::device::{Device, NewDevice, PerUniqueField, UniqueField};
    use crate::field::{RawRow, RawValue, UnknownFields};
    use crate::ids::{KeyId, UserId};
    use crate::ports::{Conflicts, MockDeviceRepository};

    fn row(fields: &[(&'static str, RawValue<'static>)]) -> RawRow<'static> {
        let mut row = RawRow::for_device();
        for (name, value) in fields {
            row.set(*name, value.clone());
        }
        row
    }

    fn stored(archived: bool) -> StoredDevice {
        let text = RawValue::text("x");
        let rental = RawValue::text("2024-03-01");
        let row = row(&[
            ("name", text.clone()),
            ("type", text.clone()),
            ("category", text),
            ("client_rental_startDate", rental),
        ]);
        StoredDevice {
            device: Device {
                id: DeviceId(7),
                fields: NewDevice::from_row(&row).unwrap().fields,
                enrollment: None,
            },
            assignee: None,
            created_at: Utc::now(),
            updated_at: Utc::now(),
            archived_at: archived.then(Utc::now),
        }
    }

    fn execute(
        devices: MockDeviceRepository,
        fields: &[(&'static str, RawValue<'static>)],
    ) -> Result<StoredDevice, UpdateDeviceError> {
        let use_case = UpdateDevice::new(Box::new(devices));
        let patch = ValidatedPatch::from_row(&row(fields), UnknownFields::Reject);
        let origin = Origin {
            key: KeyId(1),
            request_id: "r1".to_owned(),
            client_request_id: None,
            interface: crate::Interface::Api,
        };
        pollster::block_on(use_case.execute(DeviceId(7), patch, Precondition::Any, origin))
    }

    fn errors(result: Result<StoredDevice, UpdateDeviceError>) -> Vec<String> {
        match result {
            Err(UpdateDeviceError::Rejected(report)) => {
                report.entries().iter().map(ToString::to_string).collect()
            }
            other => panic!("expected a rejected patch, got {other:?}"),
        }
    }

    fn conflicts() -> Conflicts {
        Conflicts {
            unknown_users: BTreeSet::from([UserId(9)]),
            taken: PerUniqueField::of(
                UniqueField::SerialNumber,
                HashMap::from([("S1".to_owned(), DeviceId(8))]),
            ),
            ..Conflicts::default()
        }
    }

    #[test]
    fn valid_patch_returns_the_changed_device() {
        let mut devices = MockDeviceRepository::new();
        devices
            .expect_update()
            .withf(|change| change.device == DeviceId(7) && change.origin.request_id == "r1")
            .once()
            .returning(|_| Ok(stored(false)));
        let updated = execute(devices, &[("brand", RawValue::text("Dell"))]).unwrap();
        assert_eq!(updated.device.id, DeviceId(7));
    }

    #[test]
    fn invalid_patch_reports_conflicts_with_stored_data() {
        let mut devices = MockDeviceRepository::new();
        devices.expect_find().returning(|_| Ok(Some(stored(false))));
        devices
            .expect_find_conflicts()
            .withf(|keys| {
                keys.changed_device == Some(DeviceId(7))
                    && keys.unique[UniqueField::SerialNumber] == ["S1"]
                    && keys.users == [UserId(9)]
                    && keys.added_devices == 0
            })
            .returning(|_| Ok(conflicts()));
        let patch = [
            ("type", RawValue::text("phone")),
            ("category", RawValue::text("x")),
            ("name", RawValue::Null),
            ("serial_number", RawValue::text("s1")),
            ("user_id", RawValue::Integer(9)),
            ("client_rental_endDate", RawValue::text("2024-02-29")),
        ];
        assert_eq!(
            errors(execute(devices, &patch)),
            [
                "`name` must have a value: it cannot be cleared",
                "`type` cannot be changed once a device is created: \
                 omit it, or send the stored value",
                "`client_rental_endDate` must not be before `client_rental_startDate`",
                "`user_id` is not the id of a user of this workspace: 9",
                "`serial_number` is taken by device 8",
            ]
        );
    }

    #[test]
    fn conflicts_of_valid_patch_are_reported() {
        let mut devices = MockDeviceRepository::new();
        devices.expect_update().returning(|change| {
            let applied = change.patch.apply(&stored(false).device.fields, None);
            Err(ChangeDeviceError::Rejected(Box::new(ChangeConflicts {
                errors: applied.err().unwrap_or_default(),
                conflicts: conflicts(),
            })))
        });
        let patch = [
            ("type", RawValue::text("x")),
            ("category", RawValue::text("phones")),
            ("user_id", RawValue::Integer(9)),
            ("client_rental_endDate", RawValue::text("2024-02-29")),
        ];
        assert_eq!(
            errors(execute(devices, &patch)),
            [
                "`category` cannot be changed once a device is created: \
                 omit it, or send the stored value",
                "`client_rental_endDate` must not be before `client_rental_startDate`",
                "`user_id` is not the id of a user of this workspace: 9",
            ]
        );
    }

    #[test]
    fn invalid_patch_of_missing_or_archived_device() {
        for found in [None, Some(stored(true))] {
            let exists = found.is_some();
            let mut devices = MockDeviceRepository::new();
            devices.expect_find().returning(move |_| Ok(found.clone()));
            let error = execute(devices, &[("ram", RawValue::Integer(16))]).unwrap_err();
            assert_eq!(exists, matches!(error, UpdateDeviceError::Archived));
            assert_eq!(!exists, matches!(error, UpdateDeviceError::NotFound));
        }
    }

    #[test]
    fn empty_patch_is_an_error_without_a_query() {
        let empty = execute(MockDeviceRepository::new(), &[]).unwrap_err();
        assert!(matches!(empty, UpdateDeviceError::Empty));
    }

    #[test]
    fn unavailable_repository_is_an_error() {
        let mut devices = MockDeviceRepository::new();
        devices
            .expect_update()
            .returning(|_| Err(RepositoryError::Unavailable("connection refused".into()).into()));
        let unavailable = execute(devices, &[("brand", RawValue::Null)]).unwrap_err();
        assert!(matches!(
            unavailable,
            UpdateDeviceError::Repository(RepositoryError::Unavailable(_))
        ));
    }
}
