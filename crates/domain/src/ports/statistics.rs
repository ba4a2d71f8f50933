//! Statistics of the devices of a workspace.

use async_trait::async_trait;
use chrono::{DateTime, Days, NaiveDate, Utc};

use super::{DateRange, RepositoryError};
use crate::device::ClientStatus;

/// Statistics of the devices of one workspace.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait FleetStatistics: Send + Sync {
    /// Counts the devices.
    ///
    /// MUST return counts of one snapshot, each equal to the number of devices that the
    /// corresponding filter lists in it. May return an earlier result, at most
    /// [`Overview::MAX_AGE`] old, if counting takes long. MUST NOT count a workspace twice at the
    /// same time.
    async fn overview(&self, today: NaiveDate) -> Result<Overview, RepositoryError>;
}

/// Counts of the devices of a workspace. All counts but `archived` are of active devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// Active devices.
    pub total: u64,
    /// Archived devices.
    pub archived: u64,
    /// Devices with each status. Omits statuses that no active device has.
    pub by_status: Vec<(ClientStatus, u64)>,
    /// Devices of each type, the most frequent first, at most [`MAX_VALUES`](Self::MAX_VALUES).
    /// Types that a filter does not distinguish are one, in their most frequent spelling.
    pub by_type: Vec<(String, u64)>,
    /// Devices of each brand, like `by_type`. `None` has the devices without a brand.
    pub by_brand: Vec<(Option<String>, u64)>,
    /// Devices whose warranty ends [soon](Self::soon).
    pub warranty_ending: u64,
    /// Devices whose rental ends [soon](Self::soon).
    pub rental_ending: u64,
    /// Time at which the devices were counted.
    pub counted_at: DateTime<Utc>,
}

impl Overview {
    /// Maximum number of types and of brands.
    pub const MAX_VALUES: usize = 1_000;

    /// Maximum age of a result.
    pub const MAX_AGE: std::time::Duration = std::time::Duration::from_secs(600);

    /// Number of days after today in which an end is soon.
    const SOON_DAYS: Days = Days::new(90);

    /// Returns the dates that are soon: today and the 90 days after.
    #[must_use]
    pub fn soon(today: NaiveDate) -> DateRange {
        DateRange {
            first: Some(today),
            last: today.checked_add_days(Self::SOON_DAYS),
        }
    }
}
