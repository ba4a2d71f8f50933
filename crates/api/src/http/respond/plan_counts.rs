//! Numbers of rows of a dry run, by their plan.

use devices_domain::RowPlan;
use serde::Serialize;

/// Numbers of rows by their plan.
#[derive(Serialize, Default)]
pub(super) struct PlanCounts {
    rows: usize,
    create: usize,
    update: usize,
    unchanged: usize,
    skip: usize,
    fail: usize,
}

impl PlanCounts {
    /// Counts rows.
    pub(super) fn of<'a>(rows: impl IntoIterator<Item = &'a RowPlan>) -> Self {
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
