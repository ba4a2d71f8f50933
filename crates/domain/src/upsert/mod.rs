//! Batches that create or change devices, and may store a part of their rows.
//!
//! [`UpsertBatch`] validates each row twice: as a new device, and as a change of the device that it
//! may match. [`UpsertBatch::plan`] decides once the stored devices are known.

mod batch;
mod options;
mod plan;
mod result;
mod unknown_users;

pub use batch::{StoredMatches, UpsertBatch};
pub use options::{BatchOptions, Nulls, OnConflict, UnknownUsers};
pub use plan::{PlannedRow, UpsertPlan};
pub use result::{BatchPlan, PlanCounts, RowDevice, RowPlan, RowResult, UpsertResult};

#[cfg(test)]
mod tests;
