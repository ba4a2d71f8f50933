//! The use case behind `PATCH /devices/{device_id}`.

use std::sync::Arc;

use crate::audit::Origin;
use crate::batch::report_conflicts_of;
use crate::device::{Claims, DeviceId, DevicePatch, RentalTerms, StoredDevice};
use crate::error::{ErrorReport, FieldError};
use crate::field::{RawRow, UnknownFields};
use crate::ports::{
    ChangeDeviceError, Conflicts, DeviceChange, DeviceRepository, Expected, Objections,
    RepositoryError,
};
use crate::references::{Claim, References};

/// Changes a device, or says everything that is wrong with the change.
pub struct UpdateDevice {
    devices: Box<dyn DeviceRepository>,
}

/// A patch that was judged by all that needs nothing but its row.
#[derive(Debug)]
pub struct JudgedPatch(Judged);

#[derive(Debug)]
enum Judged {
    Accepted(Box<DevicePatch>),
    Empty,
    Refused(Box<RefusedPatch>),
}

#[derive(Debug)]
struct RefusedPatch {
    errors: Vec<FieldError>,
    claims: Claims,
    rental: RentalTerms,
}

impl JudgedPatch {
    /// Judges the row of a patch.
    pub fn of(row: &RawRow<'_>, unknown_fields: UnknownFields) -> Self {
        Self(match DevicePatch::from_row(row, unknown_fields) {
            Ok(_) if row.known().next().is_none() => Judged::Empty,
            Ok(patch) => Judged::Accepted(Box::new(patch)),
            Err(errors) => Judged::Refused(Box::new(RefusedPatch {
                errors,
                claims: Claims::of_refused(row),
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
    Outdated,
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
        patch: JudgedPatch,
        expected: Expected,
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
            ChangeDeviceError::Outdated => UpdateDeviceError::Outdated,
            ChangeDeviceError::Refused(objections) => {
                let Objections { error, conflicts } = *objections;
                UpdateDeviceError::Refused(report(error, change.patch.claim(), &conflicts))
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
        let references = References::of_change(device, claim);
        let conflicts = self.devices.find_conflicts(references).await?;
        let errors = patch.errors.into_iter();
        let errors = errors.chain(patch.rental.error(&stored.device.fields));
        Ok(UpdateDeviceError::Refused(report(
            errors, claim, &conflicts,
        )))
    }
}

fn report(
    errors: impl IntoIterator<Item = FieldError>,
    claim: Claim<'_>,
    conflicts: &Conflicts,
) -> ErrorReport {
    let mut errors: Vec<_> = errors.into_iter().collect();
    report_conflicts_of(claim, conflicts, |error| errors.push(error));
    ErrorReport::of_all(errors)
}
