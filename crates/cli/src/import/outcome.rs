//! Outcome of an import: the sum over its parts.

use devices_client::{ImportBatch, RowCounts};
use serde::Serialize;

use crate::text::{count, grouped};

/// Outcome of an import.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Outcome {
    #[serde(flatten)]
    pub(super) counts: RowCounts,
    /// Numbers of the batches that have the stored rows, those of earlier runs included.
    pub(super) batches: Vec<u64>,
    /// Rows that an earlier run had stored, and that were undone since.
    pub(super) undone: u64,
    /// Number of parts.
    pub(super) parts: usize,
    /// Number of parts that an earlier run had stored.
    pub(super) replayed_parts: usize,
    /// Batches of an earlier run that were undone since. Their rows are not stored.
    pub(super) undone_batches: Vec<u64>,
}

impl Outcome {
    /// Returns whether an earlier run has stored everything.
    pub(super) fn is_replayed(&self) -> bool {
        self.parts > 0 && self.replayed_parts == self.parts
    }

    /// Adds what the server stored of a part.
    pub(super) fn add(&mut self, batch: &ImportBatch) {
        self.counts += batch.counts;
        self.batches.extend(batch.id);
    }

    /// Adds what an earlier run has stored of a part, and was undone since.
    pub(super) fn add_undone(&mut self, batch: &ImportBatch) {
        self.counts += RowCounts {
            created: 0,
            ..batch.counts
        };
        self.undone += batch.counts.created;
        self.undone_batches.extend(batch.id);
    }

    /// Adds rows that were rejected before they were sent.
    pub(super) fn add_rejected(&mut self, rows: usize) {
        self.counts.rows += rows as u64;
        self.counts.failed += rows as u64;
    }

    /// Returns the outcome as sentences.
    pub(super) fn to_text(&self) -> String {
        let counts = [
            ("created", self.counts.created),
            ("updated", self.counts.updated),
            ("unchanged", self.counts.unchanged),
            ("skipped", self.counts.skipped),
            ("rejected", self.counts.failed),
            ("undone since an earlier import", self.undone),
        ];
        let counts = counts.iter().filter(|(_, number)| *number > 0);
        let counts: Vec<_> = counts
            .map(|(word, number)| format!("{} {word}", grouped(*number as usize)))
            .collect();
        let mut text = format!(
            "{}: {}.",
            count(self.counts.rows as usize, "row"),
            counts.join(", ")
        );
        if let Some(batches) = batches_text(&self.batches) {
            text.push_str(" Stored as ");
            text.push_str(&batches);
            text.push('.');
        }
        text
    }
}

/// Names batches: `batch 17`, `batches 17, 18`. More than six are `26 batches from 17 to 42`.
/// `None` if there is none.
pub(super) fn batches_text(batches: &[u64]) -> Option<String> {
    match batches {
        [] => None,
        [batch] => Some(format!("batch {batch}")),
        [first, .., last] if batches.len() > 6 => {
            Some(format!("{} batches from {first} to {last}", batches.len()))
        }
        several => {
            let numbers: Vec<_> = several.iter().map(ToString::to_string).collect();
            Some(format!("batches {}", numbers.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(id: Option<u64>) -> ImportBatch {
        let counts = RowCounts {
            rows: 3,
            created: 2,
            failed: 1,
            ..RowCounts::default()
        };
        ImportBatch { id, counts }
    }

    #[test]
    fn parts_are_added() {
        let mut outcome = Outcome::default();
        for id in [Some(17), None] {
            outcome.add(&batch(id));
        }
        outcome.add_rejected(1_000);
        assert_eq!(
            outcome.to_text(),
            "1,006 rows: 4 created, 1,002 rejected. Stored as batch 17."
        );
    }

    #[test]
    fn undone_batch_is_not_stored() {
        let mut outcome = Outcome::default();
        outcome.add_undone(&batch(Some(17)));
        let expected = "3 rows: 1 rejected, 2 undone since an earlier import.";
        assert_eq!(outcome.to_text(), expected);
        assert_eq!(outcome.undone_batches, [17]);
    }

    #[test]
    fn many_batches_are_shortened() {
        assert_eq!(batches_text(&[]), None);
        assert_eq!(batches_text(&[17, 18]).as_deref(), Some("batches 17, 18"));
        let many: Vec<u64> = (17..43).collect();
        assert_eq!(
            batches_text(&many).as_deref(),
            Some("26 batches from 17 to 42")
        );
    }
}
