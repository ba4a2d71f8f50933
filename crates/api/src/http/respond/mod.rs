//! Builds responses: errors, devices, lists.

pub(crate) mod api_error;
pub(crate) mod batch_plan;
pub(crate) mod batch_results;
pub(crate) mod created_devices;
pub(crate) mod data;
pub(crate) mod feed_cursor;
pub(crate) mod guarded_body;
pub(crate) mod import_plan;
pub(crate) mod import_results;
pub(crate) mod import_views;
pub(crate) mod pagination;
mod plan_counts;
pub(crate) mod rejected_rows;
pub(crate) mod sha256_prefix;
pub(crate) mod views;
