//! External IT devices: what is known about one, the rules a batch of them is judged by, and the
//! use cases over repository ports.
//!
//! The crate knows no HTTP, no SQL, no JSON and no async runtime. A program of your own can judge
//! rows with it, whatever they were read from:
//!
//! ```
//! use devices_domain::{Batch, BatchRules, RawRow, RawValue};
//!
//! let mut batch = Batch::new(BatchRules::default());
//!
//! let mut row = RawRow::for_device();
//! row.set("name", RawValue::text("MacBook Pro 14"));
//! row.set("type", RawValue::text("laptop"));
//! row.set("category", RawValue::text("computers"));
//! row.set("client_purchase_price", RawValue::text("1 299 EUR"));
//! row.set("serial_number", RawValue::text("To be filled by O.E.M."));
//! batch.push(&row);
//!
//! let report = batch.into_devices().unwrap_err();
//! let errors: Vec<String> = report.entries().iter().map(ToString::to_string).collect();
//! assert_eq!(
//!     errors,
//!     [
//!         "row 0: `serial_number` must be the device's own number, not a placeholder for \"none\"",
//!         "row 0: `client_purchase_price` must be a decimal amount such as \"1299.00\", without a currency",
//!     ]
//! );
//! ```
//!
//! Where to begin:
//! - [`NewDevice::from_row`] judges one row; [`Batch`] judges many, and finds the serial numbers
//!   that two of them share.
//! - [`RawRow`] is a row before it is judged; [`RawRow::set_text`] fills it from sources that know
//!   only text (CSV, spreadsheets). `examples/check_batch.rs` does that.
//! - [`fields()`] is the table of every field: its name, whether it is required, its shape.
//! - [`CreateDevices`] is the use case that judges and stores; it needs a [`DeviceRepository`].

mod access;
mod audit;
mod device;
mod enrollment;
mod field;
mod idempotency;
mod ids;
mod paging;
mod ports;
mod search;
mod use_cases;
mod user;
mod validation;

pub use access::{Actor, ApiKey, Scope, Workspace};
pub use audit::{Action, Event, EventFilter, Origin, Subject};
pub use device::{
    AddedVia, Assignee, Assignment, Characteristics, ClientStatus, Device, DeviceFields,
    DevicePatch, Identity, KeyboardLayout, Lifecycle, NewDevice, Ownership, Source, StatusInputs,
    StoredDevice, field, fields,
};
pub use enrollment::{
    Enrollment, EnrollmentFields, EnrollmentStatus, StoredEnrollment, enrollment_fields,
};
pub use field::{
    Amount, Comment, Date, Email, Field, FieldValue, Format, Instant, InvalidValue, RawRow,
    RawValue, RequiredText, SerialNumber, ShortText, Text, TextList, UnknownFields, ValueKind,
    nearest_name,
};
pub use idempotency::{
    IdempotencyError, IdempotencyKey, IdempotentRequest, IdempotentResponse, StoredResponse,
};
pub use ids::{DeviceId, EnrollmentId, EventId, KeyId, UserId, WorkspaceId};
pub use paging::{Cursor, Page, PageRequest, PageStart};
pub use ports::*;
pub use search::{Search, SearchTerm};
pub use use_cases::create_devices::{CreateDevices, CreateDevicesError, CreateResult};
pub use use_cases::update_device::{UpdateDevice, UpdateDeviceError, ValidatedPatch};
pub use user::{Role, User, UserFields, UserPatch, user_fields};
pub use validation::batch::{Batch, BatchRules};
pub use validation::error::{ErrorCode, ErrorReport, FieldError, Reason, Related, RowError};
pub use validation::lookup_keys::LookupKeys;
