//! Validation of batches and changes: errors, reports, and references to stored data.

pub(crate) mod batch;
pub(crate) mod conflict_errors;
pub(crate) mod error;
pub(crate) mod external_refs;
pub(crate) mod lookup_keys;
pub(crate) mod period;
pub(crate) mod report;
pub(crate) mod row_errors;
