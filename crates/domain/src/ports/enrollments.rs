//! Storage of enrolments in device management.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::RepositoryError;
use crate::audit::Origin;
use crate::enrollment::{EnrollmentFields, StoredEnrollment};
use crate::field::{IdentifierKey, SerialNumber};
use crate::paging::{Page, PageRequest};

/// The enrolments of one workspace.
///
/// An enrolment belongs to the active device with its serial number, at every moment: either may be
/// stored first.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait EnrollmentRepository: Send + Sync {
    /// Finds the active enrolment of a serial number, the newest if there are several.
    async fn find(
        &self,
        serial_number: IdentifierKey,
    ) -> Result<Option<StoredEnrollment>, RepositoryError>;

    /// Lists a page of the active enrolments that match the filter, newest first.
    async fn list(
        &self,
        filter: EnrollmentFilter,
        page: PageRequest,
    ) -> Result<Page<StoredEnrollment>, RepositoryError>;

    /// Creates or replaces the active enrolment of a serial number. Returns the enrolment, and
    /// `true` if it was created. A replaced enrolment keeps its id.
    ///
    /// MUST store the audit event in the same transaction. A report that changes nothing MUST NOT
    /// leave an event or a new time of change. MUST return [`PutEnrollmentError::QuotaExceeded`] if
    /// the enrolment is new and the workspace has as many as its [quota](crate::Quotas).
    async fn put(
        &self,
        report: Arc<EnrollmentReport>,
    ) -> Result<(StoredEnrollment, bool), PutEnrollmentError>;

    /// Deletes the active enrolments of a serial number. Returns the newest of them as it was, or
    /// `None` if there is none.
    ///
    /// MUST store the audit event in the same transaction.
    async fn delete(
        &self,
        serial_number: IdentifierKey,
        origin: Origin,
    ) -> Result<Option<StoredEnrollment>, RepositoryError>;
}

/// Conditions that a listed enrolment meets. A condition that is `None` is always met.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EnrollmentFilter {
    /// The enrolment has a device (`true`) or has none (`false`).
    pub linked: Option<bool>,
    /// The enrolment has this serial number.
    pub serial_number: Option<IdentifierKey>,
    /// The enrolment was created or changed at this instant or later. Its device does not count.
    pub updated_since: Option<DateTime<Utc>>,
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

/// Error of creating or replacing an enrolment. Nothing was changed, except possibly with
/// [`RepositoryError::InDoubt`].
#[derive(Debug, thiserror::Error)]
pub enum PutEnrollmentError {
    /// The workspace has as many enrolments as its quota.
    #[error("the workspace has its maximum number of enrolments")]
    QuotaExceeded,
    /// The repository failed.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}
