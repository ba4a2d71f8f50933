//! Numbers of rows of a dry run, by their plan.

use devices_domain::{PlanCounts, RowPlan};
use serde::Serialize;

/// Numbers of rows by their plan.
#[derive(Serialize)]
pub(super) struct PlanCountsView {
    rows: usize,
    create: usize,
    update: usize,
    unchanged: usize,
    skip: usize,
    fail: usize,
}

impl PlanCountsView {
    /// Counts rows.
    pub(super) fn of<'a>(rows: impl IntoIterator<Item = &'a RowPlan>) -> Self {
        let PlanCounts {
            rows,
            create,
            update,
            unchanged,
            skip,
            fail,
        } = PlanCounts::of(rows);
        Self {
            rows,
            create,
            update,
            unchanged,
            skip,
            fail,
        }
    }
}
