//! Storage of enrolments in device management.

use std::sync::Arc;

use async_trait::async_trait;

use super::RepositoryError;
use crate::audit::Origin;
use crate::enrollment::{EnrollmentFields, StoredEnrollment};
use crate::field::SerialNumber;
use crate::paging::{Page, PageRequest};

/// The enrolments of one workspace.
///
/// An enrolment belongs to the active device with its serial number, at every moment: either may be
/// stored first.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait EnrollmentRepository: Send + Sync {
    /// Lists a page of the active enrolments, newest first. `linked` selects those with (`true`) or
    /// without (`false`) a device.
    async fn list(
        &self,
        linked: Option<bool>,
        page: PageRequest,
    ) -> Result<Page<StoredEnrollment>, RepositoryError>;

    /// Creates or replaces the active enrolment of a serial number. Returns the enrolment, and
    /// `true` if it was created. A replaced enrolment keeps its id.
    ///
    /// MUST store the audit event in the same transaction. A report that changes nothing MUST NOT
    /// leave an event.
    async fn put(
        &self,
        report: Arc<EnrollmentReport>,
    ) -> Result<(StoredEnrollment, bool), RepositoryError>;

    /// Deletes the active enrolments of a serial number. Returns the newest of them as it was, or
    /// `None` if there is none.
    ///
    /// MUST store the audit event in the same transaction.
    async fn delete(
        &self,
        serial_number: SerialNumber,
        origin: Origin,
    ) -> Result<Option<StoredEnrollment>, RepositoryError>;
}

/// An enrolment as device management reports it.
#[derive(Debug, Clone)]
pub struct EnrollmentReport {
    /// The serial number that identifies the enrolment.
    pub serial_number: SerialNumber,
    /// The reported values.
    pub fields: EnrollmentFields,
    /// The author of the audit event.
    pub origin: Origin,
}
