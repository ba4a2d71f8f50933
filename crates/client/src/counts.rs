//! Numbers of rows.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// Numbers of rows by their result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RowCounts {
    /// All rows with a value.
    pub rows: u64,
    /// Rows that created a device.
    pub created: u64,
    /// Rows that changed a device.
    pub updated: u64,
    /// Rows that changed nothing.
    pub unchanged: u64,
    /// Rows that matched a stored device, which was kept.
    pub skipped: u64,
    /// Rows that were rejected.
    pub failed: u64,
}

impl AddAssign for RowCounts {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.created += other.created;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.skipped += other.skipped;
        self.failed += other.failed;
    }
}

/// Numbers of rows by their planned result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PlanCounts {
    /// All rows with a value.
    pub rows: u64,
    /// Rows that would create a device.
    pub create: u64,
    /// Rows that would change a device.
    pub update: u64,
    /// Rows that would change nothing.
    pub unchanged: u64,
    /// Rows that match a stored device, which would be kept.
    pub skip: u64,
    /// Rows that would be rejected.
    pub fail: u64,
    /// Users that would be created.
    #[serde(default)]
    pub create_users: u64,
}

impl AddAssign for PlanCounts {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.create += other.create;
        self.update += other.update;
        self.unchanged += other.unchanged;
        self.skip += other.skip;
        self.fail += other.fail;
        self.create_users += other.create_users;
    }
}
