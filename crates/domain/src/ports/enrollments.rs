//! Enrolments in device management.

use std::sync::Arc;

use async_trait::async_trait;

use super::RepositoryError;
use crate::audit::Origin;
use crate::enrollment::{EnrollmentFields, StoredEnrollment};
use crate::field::SerialNumber;
use crate::paging::{Page, PageRequest};

/// The enrolments of one workspace. The device of each is the living one of its serial number, at
/// every moment: neither need be stored before the other.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait EnrollmentRepository: Send + Sync {
    /// A page of the living enrolments, newest first: all, or those with a device, or without one.
    async fn list(
        &self,
        linked: Option<bool>,
        paging: PageRequest,
    ) -> Result<Page<StoredEnrollment>, RepositoryError>;

    /// Makes this the one living enrolment of the serial number, and says whether there was none. One
    /// that was there keeps its number. MUST store the event of the audit trail with it or not at all.
    async fn put(
        &self,
        report: Arc<EnrollmentReport>,
    ) -> Result<(StoredEnrollment, bool), RepositoryError>;

    /// Deletes the living enrolments of a serial number, and returns the newest as it was; `None` where
    /// there is none.
    async fn delete(
        &self,
        serial_number: SerialNumber,
        origin: Origin,
    ) -> Result<Option<StoredEnrollment>, RepositoryError>;
}

/// What device management reports of a serial number.
#[derive(Debug, Clone)]
pub struct EnrollmentReport {
    /// Of which.
    pub serial_number: SerialNumber,
    /// What.
    pub fields: EnrollmentFields,
    /// Whom the audit trail puts it down to.
    pub origin: Origin,
}
