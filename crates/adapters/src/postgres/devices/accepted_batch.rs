//! Batches without conflicts, ready to insert.

use devices_domain::{NewBatch, UserId};

use super::prepared_batch::BatchDocuments;

/// A batch without conflicts, and the values needed to insert it.
pub(crate) struct AcceptedBatch<'a> {
    /// Position among the batches of the transaction.
    pub(crate) index: usize,
    pub(crate) batch: &'a NewBatch,
    pub(crate) documents: &'a BatchDocuments,
    /// Id of each device, in the order of the batch.
    pub(crate) ids: Vec<i64>,
    /// Assignee of each device, in the order of the batch.
    pub(crate) assignees: Vec<Option<UserId>>,
}
