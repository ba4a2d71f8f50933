//! The use case behind `PATCH /devices/{device_id}`.

use std::sync::Arc;

use crate::audit::Origin;
use crate::device::{DevicePatch, RejectedRefs, RentalTerms, StoredDevice};
use crate::field::{RawRow, UnknownFields};
use crate::ids::DeviceId;
use crate::ports::{
    ChangeConflicts, ChangeDeviceError, Conflicts, DeviceChange, DeviceRepository, Precondition,
    RepositoryError,
};
use crate::validation::batch::report_conflicts_of;
use crate::validation::error::{ErrorReport, FieldError};
use crate::validation::external_refs::ExternalRefs;
use crate::validation::lookup_keys::LookupKeys;

/// Changes a device, or says everything that is wrong with the change.
pub struct UpdateDevice {
    devices: Box<dyn DeviceRepository>,
}

/// A patch that was judged by all that needs nothing but its row.
#[derive(Debug)]
pub struct ValidatedPatch(Judged);

#[derive(Debug)]
enum Judged {
    Accepted(Box<DevicePatch>),
    Empty,
    Refused(Box<RefusedPatch>),
}

#[derive(Debug)]
struct RefusedPatch {
    report: ErrorReport,
    claims: RejectedRefs,
    rental: RentalTerms,
}

impl ValidatedPatch {
    /// Judges the row of a patch.
    pub fn of(row: &RawRow<'_>, unknown_fields: UnknownFields) -> Self {
        Self(match DevicePatch::from_row(row, unknown_fields) {
            Ok(_) if row.known().next().is_none() => Judged::Empty,
            Ok(patch) => Judged::Accepted(Box::new(patch)),
            Err(report) => Judged::Refused(Box::new(RefusedPatch {
                report,
                claims: RejectedRefs::of_refused(row),
                rental: RentalTerms::of_refused(row),
            })),
        })
    }
}

/// Why a device was not changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateDeviceError {
    /// There is none.
    #[error("there is no such device")]
    NotFound,
    /// It is archived.
    #[error("the device is archived")]
    Archived,
    /// It is not what was expected.
    #[error("the device has changed")]
    PreconditionFailed,
    /// The patch says nothing.
    #[error("the patch holds no field")]
    Empty,
    /// What the device would become is refused.
    #[error("the change was refused for {} problems", .0.total())]
    Refused(ErrorReport),
    /// The store gave no answer.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

impl UpdateDevice {
    /// The use case over the devices of one workspace.
    pub fn new(devices: Box<dyn DeviceRepository>) -> Self {
        Self { devices }
    }

    /// Applies the patch to the device, and returns what it has become.
    ///
    /// # Errors
    /// [`UpdateDeviceError::Refused`] with every problem of the patch: its shape, the rules, a user that
    /// does not exist, a serial number that another device has. Nothing is changed then.
    pub async fn execute(
        &self,
        device: DeviceId,
        patch: ValidatedPatch,
        expected: Precondition,
        origin: Origin,
    ) -> Result<StoredDevice, UpdateDeviceError> {
        let patch = match patch.0 {
            Judged::Accepted(patch) => patch,
            Judged::Empty => return Err(UpdateDeviceError::Empty),
            Judged::Refused(refused) => return Err(self.refuse(device, *refused).await?),
        };
        let change = Arc::new(DeviceChange {
            device,
            patch: *patch,
            expected,
            origin,
        });
        let updated = self.devices.update(Arc::clone(&change)).await;
        updated.map_err(|error| match error {
            ChangeDeviceError::NotFound => UpdateDeviceError::NotFound,
            ChangeDeviceError::Archived => UpdateDeviceError::Archived,
            ChangeDeviceError::PreconditionFailed => UpdateDeviceError::PreconditionFailed,
            ChangeDeviceError::Refused(objections) => {
                let ChangeConflicts { error, conflicts } = *objections;
                let claim = change.patch.claim();
                let report = ErrorReport::default();
                UpdateDeviceError::Refused(completed(report, error, claim, &conflicts))
            }
            ChangeDeviceError::Repository(error) => error.into(),
        })
    }

    /// Everything that is wrong with a patch that is refused anyway, if its device could be changed.
    async fn refuse(
        &self,
        device: DeviceId,
        patch: RefusedPatch,
    ) -> Result<UpdateDeviceError, UpdateDeviceError> {
        let stored = self.devices.find(device).await?;
        let stored = stored.ok_or(UpdateDeviceError::NotFound)?;
        if stored.archived_at.is_some() {
            return Err(UpdateDeviceError::Archived);
        }
        let claim = patch.claims.claim();
        let references = LookupKeys::of_change(device, claim);
        let conflicts = self.devices.find_conflicts(references).await?;
        let error = patch.rental.error(&stored.device.fields);
        let report = completed(patch.report, error, claim, &conflicts);
        Ok(UpdateDeviceError::Refused(report))
    }
}

/// A report with what a device would break as a whole, and with what the store holds against it.
fn completed(
    mut report: ErrorReport,
    error: Option<FieldError>,
    claim: ExternalRefs<'_>,
    conflicts: &Conflicts,
) -> ErrorReport {
    if let Some(error) = error {
        report.add(None, error);
    }
    report_conflicts_of(claim, conflicts, |error| report.add(None, error));
    report.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use chrono::Utc;

    use super::*;
    use crate::device::{Device, NewDevice};
    use crate::field::RawValue;
    use crate::ids::{KeyId, UserId};
    use crate::ports::MockDeviceRepository;

    fn row(fields: &[(&'static str, RawValue<'static>)]) -> RawRow<'static> {
        let mut row = RawRow::new();
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
        let patch = ValidatedPatch::of(&row(fields), UnknownFields::InvalidValueSink);
        let origin = Origin {
            key: KeyId(1),
            request_id: "r1".to_owned(),
        };
        pollster::block_on(use_case.execute(DeviceId(7), patch, Precondition::Anything, origin))
    }

    fn errors(result: Result<StoredDevice, UpdateDeviceError>) -> Vec<String> {
        match result {
            Err(UpdateDeviceError::Refused(report)) => {
                report.entries().iter().map(ToString::to_string).collect()
            }
            other => panic!("not refused: {other:?}"),
        }
    }

    fn conflicts() -> Conflicts {
        Conflicts {
            unknown_users: BTreeSet::from([UserId(9)]),
            taken_serial_numbers: HashMap::from([("S1".to_owned(), DeviceId(8))]),
            ..Conflicts::default()
        }
    }

    #[test]
    fn a_patch_that_passes_is_handed_to_the_store_and_what_becomes_of_the_device_is_returned() {
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
    fn a_refused_patch_is_told_with_all_that_the_store_and_the_device_hold_against_it() {
        let mut devices = MockDeviceRepository::new();
        devices.expect_find().returning(|_| Ok(Some(stored(false))));
        devices
            .expect_find_conflicts()
            .withf(|references| {
                references.changed == Some(DeviceId(7))
                    && references.serial_numbers == ["S1"]
                    && references.users == [UserId(9)]
                    && references.devices == 0
            })
            .returning(|_| Ok(conflicts()));
        let patch = [
            ("type", RawValue::text("phone")),
            ("name", RawValue::Null),
            ("serial_number", RawValue::text("s1")),
            ("user_id", RawValue::Integer(9)),
            ("client_rental_endDate", RawValue::text("2024-02-29")),
        ];
        assert_eq!(
            errors(execute(devices, &patch)),
            [
                "`name` must have a value: it cannot be cleared",
                "`type` cannot be changed once a device is created",
                "`client_rental_endDate` must not be before `client_rental_startDate`",
                "`user_id` names no user of this workspace: 9",
                "`serial_number` is taken by device 8",
            ]
        );
    }

    #[test]
    fn what_the_store_finds_when_it_applies_a_patch_is_told_alike() {
        let mut devices = MockDeviceRepository::new();
        devices.expect_update().returning(|change| {
            let error = change.patch.apply(&stored(false).device.fields, None).err();
            Err(ChangeDeviceError::Refused(Box::new(ChangeConflicts {
                error,
                conflicts: conflicts(),
            })))
        });
        let patch = [
            ("user_id", RawValue::Integer(9)),
            ("client_rental_endDate", RawValue::text("2024-02-29")),
        ];
        assert_eq!(
            errors(execute(devices, &patch)),
            [
                "`client_rental_endDate` must not be before `client_rental_startDate`",
                "`user_id` names no user of this workspace: 9",
            ]
        );
    }

    #[test]
    fn a_refused_patch_of_no_device_or_an_archived_one_is_told_as_that() {
        for found in [None, Some(stored(true))] {
            let is_there = found.is_some();
            let mut devices = MockDeviceRepository::new();
            devices.expect_find().returning(move |_| Ok(found.clone()));
            let error = execute(devices, &[("ram", RawValue::Integer(16))]).unwrap_err();
            assert_eq!(is_there, matches!(error, UpdateDeviceError::Archived));
            assert_eq!(!is_there, matches!(error, UpdateDeviceError::NotFound));
        }
    }

    #[test]
    fn an_empty_patch_needs_no_store_and_a_store_that_is_away_is_told() {
        let empty = execute(MockDeviceRepository::new(), &[]).unwrap_err();
        assert!(matches!(empty, UpdateDeviceError::Empty));
        let mut devices = MockDeviceRepository::new();
        devices
            .expect_update()
            .returning(|_| Err(RepositoryError::Unavailable("connection refused".into()).into()));
        let away = execute(devices, &[("brand", RawValue::Null)]).unwrap_err();
        assert!(matches!(
            away,
            UpdateDeviceError::Repository(RepositoryError::Unavailable(_))
        ));
    }
}
