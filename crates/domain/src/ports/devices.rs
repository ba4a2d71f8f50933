//! Devices.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::RepositoryError;
use crate::audit::Origin;
use crate::device::{ClientStatus, DevicePatch, NewDevice, StatusInputs, StoredDevice};
use crate::enrollment::Enrollment;
use crate::idempotency::{IdempotencyError, IdempotentRequest, IdempotentResponse, StoredResponse};
use crate::ids::{DeviceId, UserId};
use crate::paging::{Page, PageRequest};
use crate::search::Search;
use crate::validation::error::{ErrorCode, FieldError, Reason};
use crate::validation::lookup_keys::LookupKeys;

/// What the store holds against a batch, or a change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conflicts {
    /// Users that are named and that the workspace has not.
    pub unknown_users: BTreeSet<UserId>,
    /// Addresses, as they are spelled, that no user of the workspace has.
    pub unknown_emails: BTreeSet<String>,
    /// Addresses, as they are spelled, of another user than the one whose number is beside them.
    pub mismatched_users: BTreeSet<(String, UserId)>,
    /// Serial numbers, folded, that living devices of the workspace have.
    pub taken_serial_numbers: HashMap<String, DeviceId>,
    /// Set where the workspace may not hold that many devices.
    pub device_limit: Option<DeviceLimitReached>,
}

impl Conflicts {
    /// Whether the store holds nothing against the batch.
    pub fn is_empty(&self) -> bool {
        self.unknown_users.is_empty()
            && self.unknown_emails.is_empty()
            && self.mismatched_users.is_empty()
            && self.taken_serial_numbers.is_empty()
            && self.device_limit.is_none()
    }

    /// Those of them that stand against what refers to `references`, but for the device limit.
    pub fn about(&self, references: &LookupKeys) -> Self {
        let users = references.users.iter().copied();
        let emails = references.emails.iter();
        let mismatched = emails
            .clone()
            .filter_map(|(email, user)| Some((email.clone(), (*user)?)));
        let emails = emails.map(|(email, _)| email.clone());
        let serial_numbers = references.serial_numbers.iter();
        let taken =
            serial_numbers.filter_map(|serial| self.taken_serial_numbers.get_key_value(serial));
        Self {
            unknown_users: users
                .filter(|user| self.unknown_users.contains(user))
                .collect(),
            unknown_emails: emails
                .filter(|email| self.unknown_emails.contains(email))
                .collect(),
            mismatched_users: mismatched
                .filter(|pair| self.mismatched_users.contains(pair))
                .collect(),
            taken_serial_numbers: taken
                .map(|(serial, device)| (serial.clone(), *device))
                .collect(),
            device_limit: None,
        }
    }
}

/// A workspace that may not hold that many devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceLimitReached {
    /// How many living devices it may hold.
    pub limit: u64,
    /// How many it holds.
    pub held: u64,
    /// How many the batch would add.
    pub added: u64,
}

impl DeviceLimitReached {
    pub(crate) fn error(self) -> FieldError {
        let Self { limit, held, added } = self;
        FieldError::of(
            "devices",
            ErrorCode::DeviceProvisioningFailed,
            Reason::DeviceLimit,
            format!(
                "must not bring the workspace over its limit of {limit} devices: \
                 it holds {held}, and this batch would add {added}"
            ),
        )
    }
}

/// Why [`DeviceRepository::create`] did not say what it stored.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The store holds something against the batch.
    #[error("the store holds something against the batch")]
    Conflicts(Box<Conflicts>),
    /// The attempt cannot be made.
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    /// The store gave no answer.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

/// What is to be stored at once.
#[derive(Debug, Clone)]
pub struct NewBatch {
    /// The devices; at least one.
    pub devices: Vec<NewDevice>,
    /// Whom the audit trail puts it down to.
    pub origin: Origin,
    /// What it must not be carried out twice for, and how its outcome is told.
    pub once: Option<(IdempotentRequest, RenderResponse)>,
}

/// How created devices are told to whoever asked for them; results come in the devices' order.
pub type RenderResponse = fn(&[NewDevice], &[InsertedDevice]) -> Vec<u8>;

/// What came of a batch.
#[derive(Debug, Clone, PartialEq)]
pub enum StoreResult {
    /// The results, in the order of the devices.
    Devices(Vec<InsertedDevice>),
    /// The outcome of the attempt, remembered from now on, or from before.
    Response(IdempotentResponse),
}

/// What storing a device adds to it.
#[derive(Debug, Clone, PartialEq)]
pub struct InsertedDevice {
    /// Its number.
    pub id: DeviceId,
    /// The user that it is given to, by whichever way it was named.
    pub assignee: Option<UserId>,
    /// The newest enrolment of its serial number.
    pub enrollment: Option<Enrollment>,
}

impl InsertedDevice {
    /// Where the device that was stored so stands.
    pub fn client_status(&self, device: &NewDevice) -> ClientStatus {
        ClientStatus::of(StatusInputs {
            is_assigned: self.assignee.is_some(),
            ..StatusInputs::of(&device.fields)
        })
    }
}

/// The devices of one workspace.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait DeviceRepository: Send + Sync {
    /// What the store holds against a batch that refers to `references`. MUST return every
    /// conflict, not the first, and MUST answer about another workspace's users as about users
    /// that do not exist. Changes nothing.
    async fn find_conflicts(&self, references: LookupKeys) -> Result<Conflicts, RepositoryError>;

    /// What is remembered of the attempt with this key, if one succeeded.
    async fn find_response(
        &self,
        attempt: IdempotentRequest,
    ) -> Result<Option<StoredResponse>, RepositoryError>;

    /// Stores every device or none, with the newest enrolment of each one's serial number that is
    /// neither deleted nor a draft. The event of the audit trail, and the outcome of the
    /// attempt where it is one, MUST be stored with the devices or not at all.
    ///
    /// MUST return as many results as there are devices, in their order; MUST have stored them
    /// durably before it returns, and MUST NOT return [`RepositoryError::Unavailable`] where they
    /// may be stored now or later. Where two calls race for a serial number exactly one MUST
    /// succeed, and the other MUST return the conflicts that
    /// [`find_conflicts`](Self::find_conflicts) returns from then on. Where two calls make the
    /// same attempt one MUST store, and the other MUST return the same outcome, or that the
    /// attempt is under way, without waiting.
    async fn create(&self, batch: Arc<NewBatch>) -> Result<StoreResult, CreateError>;

    /// The device of this number, also an archived one.
    async fn find(&self, device: DeviceId) -> Result<Option<StoredDevice>, RepositoryError>;

    /// A page of the devices that pass the filter: newest first; where they are searched for, and not too
    /// many are found to be compared, the most relevant first, then the newest. Without a wish for archived ones, of the living only.
    async fn list(
        &self,
        filter: DeviceFilter,
        paging: PageRequest,
    ) -> Result<Page<StoredDevice>, RepositoryError>;

    /// The first `most` devices that pass the filter and have a higher number than `after`, in the
    /// order of their numbers; fewer only where there are no more.
    async fn next(
        &self,
        filter: DeviceFilter,
        after: Option<DeviceId>,
        most: u32,
    ) -> Result<Vec<StoredDevice>, RepositoryError>;

    /// Changes a device by a patch, and returns what it has become. MUST apply the patch to the device
    /// as it is when nobody else can change it, and MUST store the event of the audit trail, with the
    /// names of the fields that differ, with the change or not at all. A patch that changes nothing
    /// leaves no trace. Promises of durability are those of [`create`](Self::create).
    async fn update(&self, change: Arc<DeviceChange>) -> Result<StoredDevice, ChangeDeviceError>;

    /// Archives a living device, and returns what it has become; its serial number is free from then
    /// on. MUST store the event of the audit trail with it or not at all. One that is archived is
    /// [`ChangeDeviceError::NotFound`].
    async fn delete(
        &self,
        device: DeviceId,
        expected: Precondition,
        origin: Origin,
    ) -> Result<StoredDevice, ChangeDeviceError>;
}

/// Which devices are asked for; every part that is set must hold.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeviceFilter {
    /// Found by these words.
    pub search: Option<Search>,
    /// Given to this user.
    pub user: Option<UserId>,
    /// StatusInputs so; without it, every device but archived ones.
    pub client_status: Option<ClientStatus>,
    /// Of this serial number, folded.
    pub serial_number: Option<String>,
    /// Of this type, in whatever case.
    pub type_: Option<String>,
    /// Of this category, in whatever case.
    pub category: Option<String>,
    /// Changed at this instant or later.
    pub updated_since: Option<DateTime<Utc>>,
}

/// What is to become of one device.
#[derive(Debug, Clone)]
pub struct DeviceChange {
    /// Which.
    pub device: DeviceId,
    /// What changes.
    pub patch: DevicePatch,
    /// What it must be before.
    pub expected: Precondition,
    /// Whom the audit trail puts it down to.
    pub origin: Origin,
}

impl DeviceChange {
    /// What it refers to.
    pub fn references(&self) -> LookupKeys {
        LookupKeys::of_change(self.device, self.patch.claim())
    }
}

/// A state of a stored device: a higher number each time that the device itself is changed. What is
/// told of its assignee and its enrolment does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revision(pub i64);

impl Revision {
    /// That of a device which was last changed at this moment.
    pub fn at(updated_at: DateTime<Utc>) -> Self {
        Self(updated_at.timestamp_micros())
    }
}

impl StoredDevice {
    /// Its state.
    pub fn revision(&self) -> Revision {
        Revision::at(self.updated_at)
    }
}

/// What a device must be for a change to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// Anything.
    Anything,
    /// In one of these states.
    OneOf(Vec<Revision>),
}

impl Precondition {
    /// Whether a device in this state is as expected.
    pub fn holds(&self, revision: Revision) -> bool {
        match self {
            Self::Anything => true,
            Self::OneOf(revisions) => revisions.contains(&revision),
        }
    }
}

/// Why a device was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeDeviceError {
    /// There is none, or, where it was to be archived, none that lives.
    #[error("there is no such device")]
    NotFound,
    /// It is archived.
    #[error("the device is archived")]
    Archived,
    /// It is not what was expected.
    #[error("the device has changed")]
    PreconditionFailed,
    /// What it would become is refused.
    #[error("the change is refused")]
    Refused(Box<ChangeConflicts>),
    /// The store gave no answer.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

/// What stands against a change.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChangeConflicts {
    /// What the device would break as a whole.
    pub error: Option<FieldError>,
    /// What the store holds against it.
    pub conflicts: Conflicts,
}
