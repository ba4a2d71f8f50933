//! A device's record in device management (MDM).

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::access::ids;

ids! {
    /// The number of an [`Enrollment`], unique over all workspaces.
    EnrollmentId,
}

/// Where an enrolment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum EnrollmentStatus {
    /// Prepared, not yet offered to the device; never shown.
    Draft,
    /// Offered, not yet taken up.
    Pending,
    /// The device is managed.
    Enrolled,
    /// The device is managed no longer.
    Unenrolled,
    /// The enrolment went wrong.
    Failed,
}

impl EnrollmentStatus {
    /// Every status.
    pub const ALL: [Self; 5] = [
        Self::Draft,
        Self::Pending,
        Self::Enrolled,
        Self::Unenrolled,
        Self::Failed,
    ];

    /// The status as the API and the store spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "DRAFT",
            Self::Pending => "PENDING",
            Self::Enrolled => "ENROLLED",
            Self::Unenrolled => "UNENROLLED",
            Self::Failed => "FAILED",
        }
    }
}

/// A device's record in device management. Serialises to the object that the API shows as `mdm`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(
    missing_docs,
    reason = "the names are the contract's and say what they hold"
)]
pub struct Enrollment {
    pub id: EnrollmentId,
    pub status: EnrollmentStatus,
    pub local_name: Option<String>,
    pub is_locked: Option<bool>,
    pub lock_date: Option<DateTime<Utc>>,
    pub firewall_enabled: Option<bool>,
    pub os_updates_enabled: Option<bool>,
    pub is_encrypted: Option<bool>,
    pub screenlock_enabled: Option<bool>,
    pub is_compromised: Option<bool>,
    pub os_updates_available: Option<bool>,
    pub disk_encryption_profile_installed: Option<bool>,
    pub enrollment_date: Option<DateTime<Utc>>,
    pub unenrollment_date: Option<DateTime<Utc>>,
    pub download_date: Option<DateTime<Utc>>,
    pub last_seen_date: Option<DateTime<Utc>>,
    pub last_sync_date: Option<DateTime<Utc>>,
}
