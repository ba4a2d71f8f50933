#![doc = include_str!("../README.md")]
//!
//! ## Overview
//!
//! - [`RawRow`] is a row before validation. [`RawRow::set`] fills it from typed values, and
//!   [`RawRow::set_text`] from sources that have only text, such as CSV files.
//! - [`NewDevice::from_row`] validates one row. [`Batch`] validates many, and also finds values of
//!   unique fields, such as serial numbers, that occur twice.
//! - [`fields()`] lists all fields of a device with their names and formats.
//! - [`CreateDevices`] and [`UpdateDevice`] are the use cases. They validate, and store through a
//!   [`DeviceRepository`].

#![warn(clippy::must_use_candidate)]

mod access;
mod admission;
mod audit;
mod bulk_change;
mod device;
mod enrollment;
mod field;
mod fold;
mod idempotency;
mod ids;
mod key;
mod paging;
mod ports;
mod quotas;
mod search;
mod session;
mod stored_batch;
mod trace_context;
mod upsert;
mod use_cases;
mod user;
mod validation;

pub use access::{Actor, ApiKey, NamedKey, Scope, Workspace};
pub use admission::{Admission, AdmissionDecision};
pub use audit::{Action, Author, Event, EventFilter, Interface, Operator, Origin, Subject};
pub use bulk_change::{
    BulkAction, BulkChange, BulkPlan, BulkPreview, BulkResult, PlannedChange, RejectedDevice,
    RejectionReason, SelectedDevice, Tag,
};
pub use device::{
    AddedVia, Assignee, Assignment, Characteristics, ClientStatus, Device, DeviceFields,
    DevicePatch, Identity, Inventory, KeyboardLayout, Lifecycle, NewDevice, Ownership,
    PerUniqueField, Source, StatusInputs, StoredDevice, UniqueField, ValidatedPatch, field, fields,
};
pub use enrollment::{
    Enrollment, EnrollmentFields, EnrollmentStatus, StoredEnrollment, enrollment_fields,
};
pub use field::{
    Amount, AssetTag, Attributes, Comment, Date, Duration, Email, Field, FieldValue, Format,
    IdentifierKey, Instant, InvalidValue, Lifetime, RawRow, RawValue, RequiredText, RowRef,
    SerialNumber, ShortText, Text, TextList, UnknownFields, ValueKind, nearest_name, trim,
};
pub use fold::{CaseVariants, fold_case};
pub use idempotency::{
    IdempotencyError, IdempotencyKey, IdempotentRequest, IdempotentResponse, StoredResponse,
};
pub use ids::{BatchId, DeviceId, EnrollmentId, EventId, KeyId, UserId, WorkspaceId};
pub use key::{KeyRestriction, KeyState, NewKeyFields, RotationFields};
pub use paging::{Cursor, IdRange, Page, PageRequest, PageStart, Total};
pub use ports::{
    AuditEntry, AuditTrail, BatchFilter, BatchRepository, BulkChangeError, ChangeConflicts,
    ChangeDeviceError, ChangeUserError, Conflicts, CreateError, DateRange, DeviceChange,
    DeviceFilter, DeviceLimit, DeviceLimitReached, DeviceRepository, EnrollmentFilter,
    EnrollmentReport, EnrollmentRepository, EventFeed, EventRepository, EventType, FeedCursor,
    FeedEnd, FeedError, FeedEvent, FeedMonitor, FeedPage, FeedRequest, FleetStatistics,
    HistorySubject, IndexBacklog, IndexError, IndexedChunk, InsertedDevice, KeyError,
    KeyPrecondition, KeyRepository, LookupResult, NewApiKey, NewBatch, NewSecret, NewSession,
    NewUpsert, NewWorkspace, Overview, Precondition, PutEnrollmentError, RateLimitDecision,
    RateLimiter, RateLimits, RebuildScope, RebuiltDocuments, RecentEvent, RecentPage,
    RecentRequest, RenameError, RenderResponse, RenderUpsert, RepositoryError, Revision,
    SearchIndex, SessionRepository, Store, StoreHealth, StoreResult, TokenBucket, UpsertError,
    UpsertOutcome, UserChange, UserFilter, UserQuota, UserRepository, WorkspaceKeyRepository,
    WorkspaceRepository, WorkspaceStore,
};
#[cfg(any(test, feature = "mocks"))]
pub use ports::{
    MockAuditTrail, MockBatchRepository, MockDeviceRepository, MockEnrollmentRepository,
    MockEventFeed, MockEventRepository, MockFeedMonitor, MockFleetStatistics, MockKeyRepository,
    MockRateLimiter, MockSearchIndex, MockSessionRepository, MockStore, MockStoreHealth,
    MockUserRepository, MockWorkspaceKeyRepository, MockWorkspaceRepository,
};
pub use quotas::Quotas;
pub use search::{Search, SearchDocument, SearchTerm, SearchWord, Weight, Weights};
pub use session::Session;
pub use stored_batch::{
    BatchUndo, CreatedDevice, KeepReason, KeptDevice, LastUndo, NotUndone, RowCounts, StoredBatch,
};
pub use trace_context::{SPAN_TARGET, SpanId, TraceContext, TraceId};
pub use upsert::{
    BatchOptions, BatchPlan, Nulls, OnConflict, PlanCounts, PlannedRow, RowDevice, RowPlan,
    RowResult, StoredMatches, UnknownUsers, UpsertBatch, UpsertPlan, UpsertResult,
};
pub use use_cases::create_devices::{CreateDevices, CreateDevicesError, CreateResult};
pub use use_cases::restore_device::RestoreDevice;
pub use use_cases::update_device::{UpdateDevice, UpdateDeviceError};
pub use use_cases::upsert_devices::{UpsertDevices, UpsertDevicesResult};
pub use user::{Role, User, UserFields, UserPatch, user_fields};
pub use validation::batch::{Batch, BatchRules};
pub use validation::error::{ErrorCode, FieldError, Item, Reason, Related, RowError};
pub use validation::lookup_keys::LookupKeys;
pub use validation::report::ErrorReport;
