//! Import of a file above the limits of the server, in parts.
//!
//! The file is interpreted here, and each part is sent as canonical CSV. One part is built while
//! the previous one is stored, so that memory does not grow with the file.

use std::fs::File;
use std::io::BufReader;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use devices_client::{ClientError, ImportColumn, ImportResponse, PlanCounts, RowError};
use devices_import::{ImportFile, Part, RejectedCell};
use serde_json::json;

use super::explain::{explain, explain_local, explain_part};
use super::file_version::FileVersion;
use super::fingerprint::Fingerprint;
use super::outcome::{Outcome, batches_text};
use super::plan::{Plan, counts_text};
use super::rejected_rows::{RejectedRows, rejected_cell};
use super::run::{Import, Rejection};
use crate::error::CliError;
use crate::text::{count, wrap};

/// Maximum size of a part, below the default limit of servers.
const MAX_PART_BYTES: usize = 15 << 20;

/// Imports a file in parts.
pub(super) fn import(import: &Import<'_>) -> Result<(), CliError> {
    // Taken before the file is opened, so that it is not newer than what is read.
    let version = import.file_version()?;
    let mut file = import.interpret(import.open()?)?;
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
        let text = format!(
            "The file would be sent in {parts}. Checking each part by itself: rows with the same \
             serial number in different parts are not found."
        );
        import.print_plan(wrap(&text, 2))?;
    } else {
        if !import.arguments.run.yes {
            // The server would check all rows twice.
            let note = "The rows are checked when their part is sent. --dry-run checks all first.";
            import.reporter.note(note);
        }
        import.confirm(&format!("Import {} in {parts}?", count(rows, "row")))?;
    }
    let mut run = PartsRun {
        fingerprint: import.fingerprint(import.open()?, Some(part_rows))?,
        version,
        import,
        columns: plan.columns,
        number: 0,
        outcome: Outcome::default(),
        counts: PlanCounts::default(),
        rejected: RejectedRows::default(),
    };
    run.check_unchanged()?;
    if !import.arguments.run.dry_run {
        let members = json!({
            "rows": rows, "part_rows": part_rows, "again": import.nonce.as_deref(),
        });
        import.reporter.event("started", members)?;
        print_continuation_on_interrupt(import);
        if import.arguments.run.again.is_some() {
            // A run that is killed cannot print it.
            let note = format!("If the import is interrupted: {}", import.continuation());
            import.reporter.note(wrap(&note, 2));
        }
    }
    import.reporter.show_rows(rows);
    let result = run.send_all(&mut file);
    import.reporter.clear_progress();
    // First: a file that changed cannot be continued.
    run.check_unchanged()?;
    if import.arguments.run.dry_run {
        return result.and_then(|()| run.finish_dry_run());
    }
    if let Err(error) = result {
        run.report_interruption();
        return Err(error);
    }
    run.finish()
}

/// Prints how to continue if the user ends the program with Ctrl+C.
fn print_continuation_on_interrupt(import: &Import<'_>) {
    /// Status of a program that SIGINT has ended.
    const INTERRUPTED: i32 = 130;
    let reporter = Arc::clone(&import.reporter);
    let text = interruption_text(import);
    let handler = ctrlc::set_handler(move || {
        reporter.clear_progress();
        reporter.note(&text);
        std::process::exit(INTERRUPTED);
    });
    // Without a handler, Ctrl+C ends the program all the same.
    drop(handler);
}

fn interruption_text(import: &Import<'_>) -> String {
    let text = format!("The import is not complete. {}", import.continuation());
    wrap(&text, 2)
}

/// State of an import in parts.
struct PartsRun<'a> {
    import: &'a Import<'a>,
    fingerprint: Fingerprint,
    /// Version of the file whose plan was shown.
    version: FileVersion,
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

    /// Checks that the file is still the one whose plan was shown.
    ///
    /// # Errors
    /// Returns an error that names the batches that are stored.
    fn check_unchanged(&self) -> Result<(), CliError> {
        if self.import.file_version().ok().as_ref() == Some(&self.version) {
            return Ok(());
        }
        let name = self.import.file_name();
        let advice = match batches_text(&self.outcome.batches) {
            None => "Nothing was stored. Run the command again.".to_owned(),
            Some(batches) => format!(
                "Stored so far: {batches}. Check them, undo them if necessary, and run the command \
                 again."
            ),
        };
        Err(CliError::Failed(format!(
            "{name} changed while it was imported. {advice}"
        )))
    }

    /// Sends a part, or only checks it.
    fn send(&mut self, mut part: Part) -> Result<(), CliError> {
        // The part was read before: it is one of the unchanged file.
        self.check_unchanged()?;
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

    fn check(&mut self, mut part: Part) -> Result<(), CliError> {
        let request = self.import.request(
            std::mem::take(&mut part.csv),
            self.import.options.of_part(),
            self.key(),
        );
        let plan = self
            .import
            .client()
            .validate_import(&request)
            .map_err(|error| explain_part(error, part.rows.len()))?;
        self.import.set_reached_server();
        self.counts += plan.plan;
        for error in &plan.errors {
            let row = self.row_of(&part.rows, error.index)?;
            self.rejected
                .add(row, [of_file(error, &part, &plan.columns)]);
        }
        Ok(())
    }

    fn store(&mut self, mut part: Part) -> Result<(), CliError> {
        let request = self.import.request(
            std::mem::take(&mut part.csv),
            self.import.options.of_part(),
            self.key(),
        );
        let reporter = &self.import.reporter;
        let uncertain_attempts = reporter.uncertain_attempts();
        let response = self.import.client().import(&request);
        let response = response.map_err(|error| explain_part(error, part.rows.len()))?;
        self.import.set_reached_server();
        let may_be_own = reporter.uncertain_attempts() > uncertain_attempts;
        self.add_response(&response, may_be_own)?;
        let result = &response.result;
        for failed in &result.results {
            let row = self.row_of(&part.rows, Some(failed.index))?;
            let errors = failed.errors.iter();
            let errors = errors.map(|error| of_file(error, &part, &result.columns));
            self.rejected.add(row, errors);
        }
        Ok(())
    }

    /// Returns the row of the file that is the row of a part with this index.
    fn row_of(&self, rows: &[u32], index: Option<u64>) -> Result<u32, CliError> {
        let row = index.and_then(|index| rows.get(index as usize));
        row.copied().ok_or_else(|| {
            CliError::Client(ClientError::InvalidResponse {
                url: self.import.client().url().to_owned(),
                reason: "an error of a row has no index in the part".to_owned(),
            })
        })
    }

    /// Adds what a part has stored now or in an earlier run.
    fn add_response(
        &mut self,
        response: &ImportResponse,
        may_be_own: bool,
    ) -> Result<(), CliError> {
        let batch = &response.result.batch;
        let mut undone_at = None;
        if response.is_replayed
            && let Some(id) = batch.id
        {
            undone_at = self.import.client().batch(id).map_err(explain)?.undone_at;
        }
        // The response of an own attempt may have been lost.
        let is_replayed = response.is_replayed && !may_be_own;
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
        self.import.reporter.note(interruption_text(self.import));
    }

    /// Prints what is stored. Returns an error if rows are not, or were before.
    fn finish(&self) -> Result<(), CliError> {
        let outcome = &self.outcome;
        let result = self.import.finish(
            outcome,
            &Rejection {
                rows: &self.rejected,
                columns: &self.columns,
                content: None,
            },
        );
        if !outcome.is_replayed() || !outcome.undone_batches.is_empty() {
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

/// Returns an error of a row of a part in terms of the file. `columns` are those of the part.
fn of_file(error: &RowError, part: &Part, columns: &[ImportColumn]) -> RejectedCell {
    let mut cell = rejected_cell(error, columns);
    cell.column = cell
        .column
        .and_then(|index| part.columns.get(index).copied().flatten());
    // The message names a row of the part.
    let first = error.duplicate_of;
    let first = first.and_then(|index| part.rows.get(index as usize));
    if let Some(row) = first {
        let field = error.field.as_deref().unwrap_or("serial_number");
        cell.message = format!("`{field}` is the same as in row {row} of the file");
    }
    cell
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn duplicates_name_the_row_of_the_file() {
        let part = Part {
            csv: Vec::new(),
            rows: vec![20_002, 20_007],
            columns: vec![Some(3)],
            rejected: BTreeMap::new(),
        };
        let error = RowError {
            field: Some("serial_number".to_owned()),
            duplicate_of: Some(0),
            message: "`serial_number` is the same as in row 2 of the file".to_owned(),
            ..RowError::default()
        };
        let message = of_file(&error, &part, &[]).message;
        assert_eq!(
            message,
            "`serial_number` is the same as in row 20002 of the file"
        );
    }
}
