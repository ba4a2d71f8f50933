//! Enrolments: the records of devices in device management (MDM).

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::field::{
    Field, Instant, RawRow, SerialNumber, ShortText, UnknownFields, fields, non_null_field_type,
    string_enum, validate_single,
};
use crate::ids::{DeviceId, EnrollmentId};
use crate::validation::report::ErrorReport;

string_enum! {
    /// Status of an enrolment. A draft is not offered to the device yet, and is not shown as the
    /// enrolment of the device.
    #[non_exhaustive]
    EnrollmentStatus {
        Draft = "DRAFT",
        Pending = "PENDING",
        Enrolled = "ENROLLED",
        Unenrolled = "UNENROLLED",
        Failed = "FAILED",
    }
}

non_null_field_type!(required EnrollmentStatus);

fields! {
    /// All fields of an enrolment.
    static ENROLLMENT: FieldTable of "an enrolment";

    /// Fields of an enrolment that device management reports.
    struct EnrollmentFields {
        /// Status of the enrolment.
        "status" => status: EnrollmentStatus,
        /// Name of the device in device management.
        "local_name" => local_name: Option<ShortText>,
        /// `true` if the device is locked.
        "is_locked" => is_locked: Option<bool>,
        /// Time at which the device was locked.
        "lock_date" => lock_date: Option<Instant>,
        /// `true` if the firewall is enabled.
        "firewall_enabled" => firewall_enabled: Option<bool>,
        /// `true` if updates of the operating system are enabled.
        "os_updates_enabled" => os_updates_enabled: Option<bool>,
        /// `true` if the disk is encrypted.
        "is_encrypted" => is_encrypted: Option<bool>,
        /// `true` if the screen lock is enabled.
        "screenlock_enabled" => screenlock_enabled: Option<bool>,
        /// `true` if the device is considered compromised.
        "is_compromised" => is_compromised: Option<bool>,
        /// `true` if updates of the operating system are available.
        "os_updates_available" => os_updates_available: Option<bool>,
        /// `true` if the disk encryption profile is installed.
        "disk_encryption_profile_installed" => disk_encryption_profile_installed: Option<bool>,
        /// Time of the enrolment.
        "enrollment_date" => enrollment_date: Option<Instant>,
        /// Time of the unenrolment.
        "unenrollment_date" => unenrollment_date: Option<Instant>,
        /// Time at which the enrolment profile was downloaded.
        "download_date" => download_date: Option<Instant>,
        /// Time at which device management last saw the device.
        "last_seen_date" => last_seen_date: Option<Instant>,
        /// Time of the last synchronisation with device management.
        "last_sync_date" => last_sync_date: Option<Instant>,
    }
}

impl RawRow<'_> {
    /// Creates a row of an enrolment in which every field is absent.
    #[must_use]
    pub fn for_enrollment() -> Self {
        Self::for_table(&ENROLLMENT)
    }
}

/// Returns all fields of an enrolment, in order.
#[must_use]
pub fn enrollment_fields() -> &'static [Field] {
    ENROLLMENT.fields
}

impl EnrollmentFields {
    /// Validates a row.
    ///
    /// # Errors
    /// Returns every error, in the order of the fields, repeated and unknown ones last.
    pub fn from_row(row: &RawRow<'_>, unknown_fields: UnknownFields) -> Result<Self, ErrorReport> {
        validate_single(row, &ENROLLMENT, unknown_fields, |reject| {
            Self::read(row, reject)
        })
    }

    /// Returns the row from which [`from_row`](Self::from_row) creates the same fields.
    #[must_use]
    pub fn to_row(&self) -> RawRow<'_> {
        let mut row = RawRow::for_enrollment();
        self.write(&mut row);
        row
    }
}

/// Record of a device in device management. Serializes to `mdm` in the API.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Enrollment {
    /// Id.
    pub id: EnrollmentId,
    /// Fields that device management reports.
    #[serde(flatten)]
    pub fields: EnrollmentFields,
}

/// A stored enrolment. It belongs to the active device with its serial number, regardless of which
/// of the two was stored first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoredEnrollment {
    /// Id and reported fields.
    #[serde(flatten)]
    pub enrollment: Enrollment,
    /// Serial number for which it was reported.
    pub serial_number: SerialNumber,
    /// Active device with this serial number.
    pub device_id: Option<DeviceId>,
    /// Time of the first report.
    #[serde(skip)]
    pub created_at: DateTime<Utc>,
}
