//! Errors of changes of many devices.

use crate::bulk_change::RejectedDevice;
use crate::ports::RepositoryError;

/// Error of [`DeviceRepository::change_many`](super::DeviceRepository::change_many). Nothing was
/// changed, except possibly with [`RepositoryError::InDoubt`].
#[derive(Debug, thiserror::Error)]
pub enum BulkChangeError {
    /// These devices cannot be changed, in the order of the change. None of the devices was
    /// changed.
    #[error("{} devices cannot be changed", .0.len())]
    Rejected(Vec<RejectedDevice>),
    /// The repository failed.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}
