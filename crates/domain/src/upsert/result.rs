//! Results of a batch with options.

use std::sync::Arc;

use crate::device::{DeviceFields, StoredDevice};
use crate::ids::{BatchId, DeviceId};
use crate::stored_batch::RowCounts;
use crate::upsert::{PlannedRow, UpsertPlan};
use crate::validation::error::FieldError;

/// Result of a stored batch.
#[derive(Debug, Clone, PartialEq)]
pub struct UpsertResult {
    /// The batch. `None` if nothing was stored.
    pub batch: Option<BatchId>,
    /// One result per row, in order.
    pub rows: Vec<RowResult>,
}

/// Result of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum RowResult {
    /// The row created the device.
    Created(RowDevice),
    /// The row changed these fields of the device.
    Updated(RowDevice, Vec<&'static str>),
    /// The row changed nothing.
    Unchanged(RowDevice),
    /// The row was not used, because it matches the device.
    Skipped(RowDevice),
    /// The row was not stored.
    Failed(Vec<FieldError>),
}

/// Device that a row created, changed or matched.
#[derive(Debug, Clone, PartialEq)]
pub enum RowDevice {
    /// Its id, if the caller asked for ids only.
    Id(DeviceId),
    /// The stored device.
    Stored(Arc<StoredDevice>),
}

impl RowDevice {
    /// Returns the id of the device.
    #[must_use]
    pub fn id(&self) -> DeviceId {
        match self {
            Self::Id(id) => *id,
            Self::Stored(stored) => stored.device.id,
        }
    }

    /// Returns the device, unless the caller asked for ids only.
    #[must_use]
    pub fn stored(&self) -> Option<&StoredDevice> {
        match self {
            Self::Id(_) => None,
            Self::Stored(stored) => Some(stored),
        }
    }
}

/// Effect that a batch would have.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchPlan {
    /// One plan per row, in order.
    pub rows: Vec<RowPlan>,
    /// Number of users that would be created.
    pub new_users: usize,
}

/// Effect that a row would have.
#[derive(Debug, Clone, PartialEq)]
pub enum RowPlan {
    /// Creates a device.
    Create,
    /// Changes a device.
    Update {
        /// The device.
        device: DeviceId,
        /// Its fields before and after the change. Instead of the id of a user that would be
        /// created, the latter have a negative number.
        fields: Box<[DeviceFields; 2]>,
        /// Names of the fields that differ, at least one.
        changed_fields: Vec<&'static str>,
    },
    /// Changes nothing of this device.
    Unchanged(DeviceId),
    /// Is not used, because it matches this device.
    Skip(DeviceId),
    /// Is not stored.
    Fail(Vec<FieldError>),
}

/// Numbers of rows by their plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlanCounts {
    /// All rows.
    pub rows: usize,
    /// Rows that create a device.
    pub create: usize,
    /// Rows that change a device.
    pub update: usize,
    /// Rows that change nothing of their device.
    pub unchanged: usize,
    /// Rows that are not used.
    pub skip: usize,
    /// Rows with errors.
    pub fail: usize,
}

impl PlanCounts {
    /// Counts rows.
    #[must_use]
    pub fn of<'a>(rows: impl IntoIterator<Item = &'a RowPlan>) -> Self {
        let mut counts = Self::default();
        for row in rows {
            counts.rows += 1;
            *match row {
                RowPlan::Create => &mut counts.create,
                RowPlan::Update { .. } => &mut counts.update,
                RowPlan::Unchanged(_) => &mut counts.unchanged,
                RowPlan::Skip(_) => &mut counts.skip,
                RowPlan::Fail(_) => &mut counts.fail,
            } += 1;
        }
        counts
    }
}

impl UpsertResult {
    /// Returns the number of rows with each result.
    #[must_use]
    pub fn counts(&self) -> RowCounts {
        let mut counts = RowCounts::default();
        for row in &self.rows {
            counts.rows += 1;
            *match row {
                RowResult::Created(_) => &mut counts.created,
                RowResult::Updated(..) => &mut counts.updated,
                RowResult::Unchanged(_) => &mut counts.unchanged,
                RowResult::Skipped(_) => &mut counts.skipped,
                RowResult::Failed(_) => &mut counts.failed,
            } += 1;
        }
        counts
    }
}

impl UpsertPlan<'_> {
    /// Returns whether a row is not stored because of its errors.
    #[must_use]
    pub fn has_failed_rows(&self) -> bool {
        let mut rows = self.rows.iter();
        rows.any(|row| matches!(row, PlannedRow::Fail(_)))
    }

    /// Returns the plan without references to the batch.
    #[must_use]
    pub fn into_batch_plan(self) -> BatchPlan {
        BatchPlan {
            new_users: self.new_users.len(),
            rows: self.rows.into_iter().map(PlannedRow::into_plan).collect(),
        }
    }
}

impl PlannedRow<'_> {
    fn into_plan(self) -> RowPlan {
        match self {
            Self::Create { .. } => RowPlan::Create,
            Self::Update {
                stored,
                fields,
                changed_fields,
            } => RowPlan::Update {
                device: stored.device.id,
                fields: Box::new([stored.device.fields.clone(), *fields]),
                changed_fields,
            },
            Self::Unchanged(stored) => RowPlan::Unchanged(stored.device.id),
            Self::Skip(stored) => RowPlan::Skip(stored.device.id),
            Self::Fail(errors) => RowPlan::Fail(errors),
        }
    }
}
