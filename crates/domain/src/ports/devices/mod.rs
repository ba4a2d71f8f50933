//! Storage of devices.

mod bulk_change;
mod change;
mod conflicts;
mod filter;
mod new_batch;
mod upsert;

use std::sync::Arc;

use async_trait::async_trait;

use super::RepositoryError;
use crate::audit::Origin;
use crate::bulk_change::{BulkChange, BulkPreview, BulkResult};
use crate::device::StoredDevice;
use crate::field::IdentifierKey;
use crate::idempotency::{IdempotentRequest, StoredResponse};
use crate::ids::DeviceId;
use crate::paging::{Page, PageRequest};
use crate::upsert::{BatchPlan, UpsertBatch};
use crate::validation::lookup_keys::LookupKeys;

pub use bulk_change::BulkChangeError;
pub use change::{ChangeConflicts, ChangeDeviceError, DeviceChange, Precondition, Revision};
pub use conflicts::{Conflicts, DeviceLimit, DeviceLimitReached, LookupResult, UserQuota};
pub use filter::{DateRange, DeviceFilter};
pub use new_batch::{CreateError, InsertedDevice, NewBatch, RenderResponse, StoreResult};
pub use upsert::{NewUpsert, RenderUpsert, UpsertError, UpsertOutcome};

/// The devices of one workspace.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait DeviceRepository: Send + Sync {
    /// Finds the conflicts of a batch or a change with stored data. Changes nothing.
    ///
    /// MUST return every conflict, not only the first. MUST return the same for another
    /// workspace's users as for users that do not exist.
    async fn find_conflicts(&self, keys: LookupKeys) -> Result<Conflicts, RepositoryError>;

    /// Finds the stored response of an earlier request with this idempotency key.
    async fn find_response(
        &self,
        request: IdempotentRequest,
    ) -> Result<Option<StoredResponse>, RepositoryError>;

    /// Stores every device of the batch, or none.
    ///
    /// - MUST return one result per device, in order, with the newest enrolment of its serial
    ///   number that is neither deleted nor a draft.
    /// - MUST store the audit event, and the response of an idempotent request, in the same
    ///   transaction as the devices.
    /// - MUST have committed durably before it returns. MUST NOT return
    ///   [`RepositoryError::Unavailable`] if the devices may be stored now or later.
    /// - If two calls race for a value of a unique field, exactly one MUST succeed. The other MUST
    ///   return the conflicts that [`find_conflicts`](Self::find_conflicts) returns from then on.
    /// - If two calls have the same idempotency key, one MUST store. The other MUST return the same
    ///   response, or [`InProgress`](crate::IdempotencyError::InProgress) without waiting.
    async fn create(&self, batch: Arc<NewBatch>) -> Result<StoreResult, CreateError>;

    /// Stores the rows of the batch as it [plans](UpsertBatch::plan), in one transaction.
    ///
    /// - MUST plan while no other call can change the devices that rows match.
    /// - MUST return one result per row, in order.
    /// - MUST store the audit events, the record of the batch, and the response of an idempotent
    ///   request in the same transaction. MUST leave no batch behind if no device was created or
    ///   changed.
    /// - If calls race for a value of a unique field, this one MUST change the device that another
    ///   one created, as if it had been called later.
    /// - MUST create the users that the plan adds, each with its audit event, in the same
    ///   transaction. If calls race for a new user, one MUST create it, and the other use it.
    /// - MUST be as durable as [`create`](Self::create), and treat idempotency keys like it.
    async fn upsert(&self, upsert: Arc<NewUpsert>) -> Result<UpsertOutcome, UpsertError>;

    /// Returns what [`upsert`](Self::upsert) would do with each row. Stores nothing.
    async fn plan_upsert(&self, batch: Arc<UpsertBatch>) -> Result<BatchPlan, UpsertError>;

    /// Finds a device by id, archived devices included.
    async fn find(&self, device: DeviceId) -> Result<Option<StoredDevice>, RepositoryError>;

    /// Lists a page of the devices that match the filter, newest first.
    ///
    /// A search lists the most relevant devices first, then the newest, unless it matches too many
    /// devices to rank them. Lists active devices only, unless the filter asks for archived ones.
    async fn list(
        &self,
        filter: DeviceFilter,
        page: PageRequest,
    ) -> Result<Page<StoredDevice>, RepositoryError>;

    /// Lists the first `max` devices that match the filter and have an id greater than `after`, in
    /// ascending order of id. Returns fewer only at the end.
    async fn list_by_id(
        &self,
        filter: DeviceFilter,
        after: Option<DeviceId>,
        max: u32,
    ) -> Result<Vec<StoredDevice>, RepositoryError>;

    /// Returns the distinct keys of the attributes of all devices that match the filter, sorted.
    /// Returns at most `max` of them.
    async fn attribute_keys(
        &self,
        filter: DeviceFilter,
        max: usize,
    ) -> Result<Vec<String>, RepositoryError>;

    /// Returns those of the serial numbers that active devices have, in any order. Accepts at most
    /// [`DeviceFilter::MAX_SERIAL_NUMBERS`].
    async fn known_serial_numbers(
        &self,
        serial_numbers: Vec<IdentifierKey>,
    ) -> Result<Vec<IdentifierKey>, RepositoryError>;

    /// Stores the audit event of an export that is about to begin, with the names of the filters
    /// and the number of devices that match them.
    async fn record_export(
        &self,
        filter: DeviceFilter,
        origin: Origin,
    ) -> Result<(), RepositoryError>;

    /// Applies a patch to a device. Returns the changed device.
    ///
    /// MUST apply the patch while no other call can change the device. MUST store the audit event,
    /// with the names of the changed fields, in the same transaction. A patch that changes nothing
    /// MUST NOT leave an event or a new revision. MUST be as durable as [`create`](Self::create).
    async fn update(&self, change: Arc<DeviceChange>) -> Result<StoredDevice, ChangeDeviceError>;

    /// Archives an active device and frees its values of unique fields. Returns the archived
    /// device.
    ///
    /// MUST store the audit event in the same transaction. MUST return
    /// [`ChangeDeviceError::NotFound`] for an archived device.
    async fn delete(
        &self,
        device: DeviceId,
        precondition: Precondition,
        origin: Origin,
    ) -> Result<StoredDevice, ChangeDeviceError>;

    /// Restores an archived device. Returns the active device, without its assignee if that user
    /// has been deleted.
    ///
    /// - MUST return an active device unchanged, without an event or a new revision.
    /// - MUST return [`ChangeDeviceError::Rejected`] with all conflicts if an active device has its
    ///   value of a unique field, or if the device would exceed the workspace's device limit. Then
    ///   it MUST NOT change the device. A deleted assignee is not a conflict.
    /// - If two calls race for a value of a unique field or for the last place of the limit,
    ///   exactly one MUST succeed, whether they create or restore devices.
    /// - MUST store the audit event, with `user_id` as a changed field if the assignee was removed,
    ///   in the same transaction. MUST be as durable as [`create`](Self::create).
    async fn restore(
        &self,
        device: DeviceId,
        precondition: Precondition,
        origin: Origin,
    ) -> Result<StoredDevice, ChangeDeviceError>;

    /// Changes every device as the change [plans](BulkChange::plan), in one transaction.
    ///
    /// - MUST plan while no other call can change the devices. Calls with the same devices in
    ///   different orders MUST NOT deadlock.
    /// - MUST change no device, and return [`BulkChangeError::Rejected`] with all rejected devices,
    ///   if the plan rejects one. MUST return the same for another workspace's devices and users as
    ///   for those that do not exist.
    /// - MUST store an audit event per set of changed fields, with the changed devices, in the same
    ///   transaction. A device that is not changed MUST NOT get an event or a new revision: the
    ///   same call again changes nothing.
    /// - If calls race for a value of a unique field or for the last places of the device limit,
    ///   this one MUST be rejected if it loses, as [`restore`](Self::restore) is.
    /// - MUST be as durable as [`create`](Self::create).
    async fn change_many(&self, change: Arc<BulkChange>) -> Result<BulkResult, BulkChangeError>;

    /// Returns what [`change_many`](Self::change_many) would do with each device. Changes nothing.
    async fn preview_change_many(
        &self,
        change: Arc<BulkChange>,
    ) -> Result<BulkPreview, RepositoryError>;
}
