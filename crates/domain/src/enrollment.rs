//! A device's record in device management (MDM).

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::field::{
    Field, Instant, RawRow, SerialNumber, ShortText, UnknownFields, string_enum, fields,
    never_null_field_types, read_required, validate_alone,
};
use crate::ids::{DeviceId, EnrollmentId};
use crate::validation::error::ErrorReport;

string_enum! {
    /// Where an enrolment stands. A draft is prepared and not yet offered to the device: it is never
    /// shown with one.
    EnrollmentStatus {
        Draft = "DRAFT",
        Pending = "PENDING",
        Enrolled = "ENROLLED",
        Unenrolled = "UNENROLLED",
        Failed = "FAILED",
    }
}

never_null_field_types! {
    EnrollmentStatus: true, read_required;
}

fields! {
    /// Every field of an enrolment.
    ENROLLMENT of "an enrolment";

    /// What device management reports.
    #[allow(missing_docs, reason = "the names are the contract's and say what they hold")]
    EnrollmentFields {
        "status" => status: EnrollmentStatus,
        "local_name" => local_name: Option<ShortText>,
        "is_locked" => is_locked: Option<bool>,
        "lock_date" => lock_date: Option<Instant>,
        "firewall_enabled" => firewall_enabled: Option<bool>,
        "os_updates_enabled" => os_updates_enabled: Option<bool>,
        "is_encrypted" => is_encrypted: Option<bool>,
        "screenlock_enabled" => screenlock_enabled: Option<bool>,
        "is_compromised" => is_compromised: Option<bool>,
        "os_updates_available" => os_updates_available: Option<bool>,
        "disk_encryption_profile_installed" => disk_encryption_profile_installed: Option<bool>,
        "enrollment_date" => enrollment_date: Option<Instant>,
        "unenrollment_date" => unenrollment_date: Option<Instant>,
        "download_date" => download_date: Option<Instant>,
        "last_seen_date" => last_seen_date: Option<Instant>,
        "last_sync_date" => last_sync_date: Option<Instant>,
    }
}

impl RawRow<'_> {
    /// A row of an enrolment in device management, in which every field is absent.
    pub fn for_enrollment() -> Self {
        Self::of(&ENROLLMENT)
    }
}

/// Every field of an enrolment, in order.
pub fn enrollment_fields() -> &'static [Field] {
    ENROLLMENT.fields
}

impl EnrollmentFields {
    /// What `row` says.
    ///
    /// # Errors
    /// At least one, in the order of the fields, unknown and repeated ones last.
    pub fn from_row(row: &RawRow<'_>, unknown_fields: UnknownFields) -> Result<Self, ErrorReport> {
        validate_alone(row, &ENROLLMENT, unknown_fields, |refuse| {
            Self::read(row, refuse)
        })
    }

    /// The row that [`from_row`](Self::from_row) makes the same of.
    pub fn to_row(&self) -> RawRow<'_> {
        let mut row = RawRow::for_enrollment();
        self.write(&mut row);
        row
    }

    /// The names of the fields in which `other` differs, in order.
    pub fn changed_field_names(&self, other: &Self) -> Vec<&'static str> {
        self.to_row().changed_field_names(&other.to_row())
    }
}

/// A device's record in device management. Serialises to the object that the API shows as `mdm`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Enrollment {
    /// Its number.
    pub id: EnrollmentId,
    /// What device management reports.
    #[serde(flatten)]
    pub fields: EnrollmentFields,
}

/// A stored enrolment. The living device of its serial number is its device, whichever of the two was
/// known first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoredEnrollment {
    /// Its number and what device management reports.
    #[serde(flatten)]
    pub enrollment: Enrollment,
    /// The serial number that it was reported for.
    pub serial_number: SerialNumber,
    /// The living device of this serial number.
    pub device_id: Option<DeviceId>,
    /// When it was first reported.
    #[serde(skip)]
    pub created_at: DateTime<Utc>,
}
