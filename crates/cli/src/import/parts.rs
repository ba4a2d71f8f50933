//! Import of a file above the limits of the server, in parts.
//!
//! The file is interpreted here, and each part is sent as canonical CSV. One part is built while
//! the previous one is stored, so that memory does not grow with the file.

use std::fs::File;
use std::io::BufReader;
use std::ops::ControlFlow;
use std::sync::mpsc::sync_channel;

use devices_client::{ImportColumn, ImportResponse, PlanCounts, RowError};
use devices_import::{ImportFile, Part, RejectedCell};
use serde_json::json;

use super::explain::{explain, explain_local};
use super::fingerprint::Fingerprint;
use super::outcome::{Outcome, batches_text};
use super::plan::{Plan, add_counts, counts_text, no_counts};
use super::rejected_rows::{RejectedRows, rejected_cell};
use super::run::Import;
use crate::error::CliError;
use crate::text::{count, wrap};

/// Maximum size of a part, below the default limit of servers.
const MAX_PART_BYTES: usize = 15 << 20;

/// Imports a file in parts.
pub(super) fn import(import: &Import<'_>) -> Result<(), CliError> {
    let mut file = import.interpret()?;
    let plan = Plan::from_file(&file);
    let rows = plan.file.rows as usize;
    if import.options.is_atomic() {
        return Err(CliError::Usage(format!(
            "{} has {}, more than the server stores at once. Add --no-atomic to send it in \
             parts, each of which is stored by itself.",
            import.file_name(),
            count(rows, "row")
        )));
    }
    let part_rows = import.arguments.run.part_rows.get();
    import.show_plan(&plan, None)?;
    let parts = count(rows.div_ceil(part_rows), "part");
    if import.arguments.run.dry_run {
        import.tell(format!(
            "The file would be sent in {parts}. Checking all of them."
        ))?;
    } else {
        import.confirm(&format!("Import {} in {parts}?", count(rows, "row")))?;
    }
    let mut run = PartsRun {
        fingerprint: import.fingerprint(Some(part_rows))?,
        import,
        columns: plan.columns,
        number: 0,
        outcome: Outcome::default(),
        counts: no_counts(),
        rejected: RejectedRows::default(),
    };
    let again = import.again_argument();
    if !again.is_empty() {
        let note = format!("If this import is interrupted, continue it{again}.");
        import.reporter.note(note);
    }
    import.reporter.show_rows(rows);
    let result = run.send_all(&mut file);
    import.reporter.clear_progress();
    if import.arguments.run.dry_run {
        return result.and_then(|()| run.finish_dry_run());
    }
    if let Err(error) = result {
        run.report_interruption();
        return Err(error);
    }
    run.finish()
}

/// An import in parts that runs.
struct PartsRun<'a> {
    import: &'a Import<'a>,
    fingerprint: Fingerprint,
    columns: Vec<ImportColumn>,
    /// Number of the current part, from 1.
    number: usize,
    outcome: Outcome,
    /// Sum of the plans of a dry run.
    counts: PlanCounts,
    rejected: RejectedRows,
}

impl PartsRun<'_> {
    /// Reads the file on a thread of its own, and sends each part.
    fn send_all(&mut self, file: &mut ImportFile<BufReader<File>>) -> Result<(), CliError> {
        let part_rows = self.import.arguments.run.part_rows.get();
        std::thread::scope(|scope| {
            // Without capacity: the reader holds one part, and this thread another.
            let (sender, parts) = sync_channel(0);
            let reader = scope.spawn(move || {
                file.read_parts(part_rows, MAX_PART_BYTES, |part| {
                    if sender.send(part).is_ok() {
                        ControlFlow::Continue(())
                    } else {
                        ControlFlow::Break(())
                    }
                })
            });
            for part in parts {
                self.send(part)?;
            }
            let read = reader.join();
            read.expect("the reader does not panic")
                .map_err(explain_local)
        })
    }

    /// Sends a part, or only checks it.
    fn send(&mut self, mut part: Part) -> Result<(), CliError> {
        self.number += 1;
        let rows = part.rows.len() + part.rejected.len();
        let rejected = std::mem::take(&mut part.rejected);
        if self.import.arguments.run.dry_run {
            self.counts.rows += rejected.len() as u64;
            self.counts.fail += rejected.len() as u64;
        } else {
            self.outcome.add_rejected(rejected.len());
        }
        for (row, errors) in rejected {
            self.rejected.add(row, errors);
        }
        if !part.rows.is_empty() {
            if self.import.arguments.run.dry_run {
                self.check(part)?;
            } else {
                self.store(part)?;
            }
        }
        self.import.reporter.add_rows(rows);
        Ok(())
    }

    fn check(&mut self, part: Part) -> Result<(), CliError> {
        let request = self
            .import
            .request(part.csv, self.import.options.of_part(), self.key());
        let plan = self
            .import
            .client()
            .validate_import(&request)
            .map_err(explain)?;
        self.import.set_reached_server();
        add_counts(&mut self.counts, &plan.plan);
        for error in &plan.errors {
            let row = error.index.and_then(|index| part.rows.get(index as usize));
            let row = row.copied().unwrap_or_default();
            self.rejected
                .add(row, [of_file(error, &part.columns, &plan.columns)]);
        }
        Ok(())
    }

    fn store(&mut self, part: Part) -> Result<(), CliError> {
        let request = self
            .import
            .request(part.csv, self.import.options.of_part(), self.key());
        let retries = self.import.reporter.retries();
        let response = self.import.client().import(&request).map_err(explain)?;
        self.import.set_reached_server();
        let is_retried = self.import.reporter.retries() > retries;
        self.add_response(&response, is_retried)?;
        let result = &response.result;
        for failed in &result.results {
            let row = part
                .rows
                .get(failed.index as usize)
                .copied()
                .unwrap_or_default();
            let errors = failed.errors.iter();
            let errors = errors.map(|error| of_file(error, &part.columns, &result.columns));
            self.rejected.add(row, errors);
        }
        Ok(())
    }

    /// Adds what a part has stored now or in an earlier run.
    fn add_response(
        &mut self,
        response: &ImportResponse,
        is_retried: bool,
    ) -> Result<(), CliError> {
        let batch = &response.result.batch;
        let mut undone_at = None;
        if response.is_replayed
            && let Some(id) = batch.id
        {
            undone_at = self.import.client().batch(id).map_err(explain)?.undone_at;
        }
        // The response of an own attempt may have been lost.
        let is_replayed = response.is_replayed && !is_retried;
        self.outcome.parts += 1;
        self.outcome.replayed_parts += usize::from(is_replayed);
        if undone_at.is_some() {
            self.outcome.add_undone(batch);
        } else {
            self.outcome.add(batch);
        }
        let members = json!({
            "part": self.number, "batch": batch, "replayed": is_replayed, "undone_at": undone_at
        });
        self.import.reporter.event("part", members)
    }

    fn key(&self) -> String {
        self.fingerprint.key(self.number)
    }

    /// Prints what the parts would store. Returns an error if rows would be rejected.
    fn finish_dry_run(&self) -> Result<(), CliError> {
        let reporter = &self.import.reporter;
        for event in self.rejected.events(&self.columns) {
            reporter.event("rejected", event)?;
        }
        reporter.event("plan_total", json!(self.counts))?;
        reporter.result(wrap(&format!("Plan: {}.", counts_text(&self.counts)), 2))?;
        if self.rejected.len() == 0 {
            return Ok(());
        }
        reporter.result(self.rejected.to_text(&self.columns))?;
        let rows = count(self.rejected.len(), "row");
        Err(CliError::RowsRejected(format!("{rows} would be rejected")))
    }

    /// Prints what is stored after an error.
    fn report_interruption(&self) {
        let stored = &self.outcome;
        if stored.parts > 0 {
            self.import.reporter.note(wrap(&stored.to_text(), 2));
        }
        let again = self.import.again_argument();
        self.import.reporter.note(wrap(
            &format!(
                "The import is not complete. Run the same command again{again} to continue: parts \
                 that are stored are not stored twice."
            ),
            2,
        ));
    }

    /// Prints what is stored. Returns an error if rows are not, or were before.
    fn finish(&self) -> Result<(), CliError> {
        let outcome = &self.outcome;
        let result = self.import.finish(outcome, &self.rejected, &self.columns);
        if outcome.replayed_parts < outcome.parts || !outcome.undone_batches.is_empty() {
            return result;
        }
        let Some(batches) = batches_text(&outcome.batches) else {
            return result;
        };
        let message = format!(
            "{} was already imported as {batches}. Nothing was stored now. Add --again to import \
             it anew.",
            self.import.file_name()
        );
        if result.is_err() {
            self.import.reporter.note(message);
            return result;
        }
        Err(CliError::RowsRejected(message))
    }
}

/// Returns an error of a part for the file of rejected rows. `sources` are the columns of the file
/// that provide the columns of the part.
fn of_file(error: &RowError, sources: &[Option<usize>], columns: &[ImportColumn]) -> RejectedCell {
    let mut cell = rejected_cell(error, columns);
    cell.column = cell
        .column
        .and_then(|index| sources.get(index).copied().flatten());
    cell
}
