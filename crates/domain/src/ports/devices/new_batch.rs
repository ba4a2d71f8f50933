//! Batches of new devices, and the results of storing them.

use super::Conflicts;
use crate::audit::Origin;
use crate::device::{ClientStatus, NewDevice, StatusInputs};
use crate::enrollment::Enrollment;
use crate::idempotency::{IdempotencyError, IdempotentRequest, IdempotentResponse};
use crate::ids::{BatchId, DeviceId, UserId};
use crate::ports::RepositoryError;

/// Devices to store in one transaction.
#[derive(Debug, Clone)]
pub struct NewBatch {
    /// The devices. At least one.
    pub devices: Vec<NewDevice>,
    /// The author of the audit event.
    pub origin: Origin,
    /// The idempotent request, if the client sent an idempotency key, and the function that renders
    /// its response inside the transaction.
    pub idempotency: Option<(IdempotentRequest, RenderResponse)>,
}

/// Renders the response body for created devices. Both slices have the same order.
pub type RenderResponse = fn(&[NewDevice], &[InsertedDevice]) -> Vec<u8>;

/// Result of storing a batch.
#[derive(Debug, Clone, PartialEq)]
pub enum StoreResult {
    /// The devices were stored.
    Devices {
        /// Number of the batch.
        batch: BatchId,
        /// One result per device, in order.
        inserted: Vec<InsertedDevice>,
    },
    /// The response of an idempotent request: rendered and stored by this call, or by an earlier
    /// one.
    Response(IdempotentResponse),
}

/// Values that storing a device adds to it.
#[derive(Debug, Clone, PartialEq)]
pub struct InsertedDevice {
    /// Id from the database.
    pub id: DeviceId,
    /// The assignee, whether the row named it by id or by email address.
    pub assignee: Option<UserId>,
    /// The newest enrolment of the serial number.
    pub enrollment: Option<Enrollment>,
}

impl InsertedDevice {
    /// Returns the status of the stored device.
    #[must_use]
    pub fn client_status(&self, device: &NewDevice) -> ClientStatus {
        ClientStatus::of(StatusInputs {
            is_assigned: self.assignee.is_some(),
            ..StatusInputs::of(&device.fields)
        })
    }
}

/// Error of [`DeviceRepository::create`](super::DeviceRepository::create).
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The batch conflicts with stored data. Nothing was stored.
    #[error("the batch conflicts with stored data")]
    Conflicts(Box<Conflicts>),
    /// The idempotency key is in use, or belongs to another request. Nothing was stored.
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    /// The repository failed.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}
