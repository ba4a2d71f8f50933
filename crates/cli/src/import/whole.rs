//! Import of a file that the server stores in one transaction.

use devices_client::{Batch, ClientError, ImportPlan, ImportRequest, ImportResponse, RowError};
use serde_json::json;

use super::columns_table::unused_text;
use super::explain::{exceeds_limits, explain, rejects_rows};
use super::outcome::Outcome;
use super::plan::{IGNORED, Plan};
use super::rejected_rows::{RejectedRows, rejected_cell};
use super::run::Import;
use crate::error::CliError;
use crate::text::{count, wrap};

/// Whether the server accepts a file as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// It does. The import has ended.
    Whole,
    /// The file is above a limit of the server. Nothing was stored.
    TooLarge,
}

/// Number of the only part.
const PART: usize = 1;

/// Imports a file as it is.
pub(super) fn import(import: &Import<'_>) -> Result<Sent, CliError> {
    let key = import.fingerprint(None)?.key(PART);
    let mut content = Vec::new();
    let read = std::io::Read::read_to_end(&mut import.open()?, &mut content);
    read.map_err(|error| import.cannot_read(error))?;
    let request = import.request(content, import.options.to_json(), key);
    if import.arguments.run.yes {
        return store(import, &request);
    }
    let plan = match validate(import, &request) {
        Err(error) if exceeds_limits(&error) => return Ok(Sent::TooLarge),
        result => result.map_err(explain)?,
    };
    import.show_plan(&Plan::from_server(&plan), Some(&plan.plan))?;
    if import.arguments.run.dry_run {
        return show_errors(import, &plan).map(|()| Sent::Whole);
    }
    if stores_nothing(import, &plan) {
        // The rows of a file that was imported before are taken. Its replay states so.
        if !plan.errors.iter().any(is_already_stored) {
            return Err(reject_all(import, &plan));
        }
    } else {
        let rows = plan.plan.rows - plan.plan.fail;
        let rejected = RejectedRows::from_plan(&plan).to_text(&plan.columns);
        if !rejected.is_empty() {
            import.reporter.note(rejected);
        }
        import.confirm(&format!("Import {}?", count(rows as usize, "row")))?;
    }
    store(import, &request)
}

/// Asks the server what it would store.
fn validate(import: &Import<'_>, request: &ImportRequest) -> Result<ImportPlan, ClientError> {
    let spinner = format!("Checking {}", request.file_name);
    import.reporter.show_spinner(spinner);
    let result = import.client().validate_import(request);
    if result.is_ok() {
        import.set_reached_server();
    }
    import.reporter.clear_progress();
    result
}

/// Prints the errors that an import would have. Returns an error if there is one.
fn show_errors(import: &Import<'_>, plan: &ImportPlan) -> Result<(), CliError> {
    let rejected = RejectedRows::from_plan(plan);
    if rejected.len() == 0 {
        return Ok(());
    }
    for event in rejected.events(&plan.columns) {
        import.reporter.event("rejected", event)?;
    }
    import.reporter.result(rejected.to_text(&plan.columns))?;
    let rows = count(rejected.len(), "row");
    let consequence = if stores_nothing(import, plan) {
        consequence(import, plan)
    } else {
        "The other rows would be stored.".to_owned()
    };
    Err(CliError::RowsRejected(format!(
        "{rows} would be rejected.\n{consequence}"
    )))
}

/// Returns whether an import would store no row.
fn stores_nothing(import: &Import<'_>, plan: &ImportPlan) -> bool {
    let counts = &plan.plan;
    counts.fail > 0 && (import.options.is_atomic() || counts.fail == counts.rows)
}

fn is_already_stored(error: &RowError) -> bool {
    error.reason.as_deref() == Some("already_exists")
}

/// Returns what follows from rejected rows.
fn consequence(import: &Import<'_>, plan: &ImportPlan) -> String {
    if !plan.missing.is_empty() {
        let missing = plan.missing.join(" and ");
        return format!("No row is stored. Give {missing} with --set or --map.");
    }
    let name = import.file_name();
    if import.options.is_atomic() {
        format!(
            "Nothing is stored while a row is rejected. Correct the rows in {name} and import it \
             again, or add --no-atomic to store the other rows."
        )
    } else {
        format!("No row is stored. Correct the rows in {name} and import it again.")
    }
}

fn reject_all(import: &Import<'_>, plan: &ImportPlan) -> CliError {
    let rejected = RejectedRows::from_plan(plan);
    import.reject(&rejected, &plan.columns, &consequence(import, plan))
}

/// Stores the file, or reports that it is stored already.
fn store(import: &Import<'_>, request: &ImportRequest) -> Result<Sent, CliError> {
    let reporter = &import.reporter;
    reporter.show_spinner(format!("Importing {}", request.file_name));
    let retries = reporter.retries();
    let response = match import.client().import(request) {
        Err(error) if exceeds_limits(&error) => return Ok(Sent::TooLarge),
        Err(error) if rejects_rows(&error) => {
            // The error lists some of the rows, the plan all of them.
            let plan = validate(import, request).map_err(explain)?;
            return Err(reject_all(import, &plan));
        }
        result => result.map_err(explain)?,
    };
    reporter.clear_progress();
    if response.is_replayed
        && let Some(batch) = earlier_batch(import, &response, reporter.retries() > retries)?
    {
        return Err(report_replay(import, &response, &batch));
    }
    let mut outcome = Outcome::default();
    outcome.add(&response.result.batch);
    let rejected = RejectedRows::from_rows(&response.result);
    if import.arguments.run.yes {
        show_interpretation(import, &response)?;
    }
    import.finish(&outcome, &rejected, &response.result.columns)?;
    Ok(Sent::Whole)
}

/// Returns the batch that an earlier run has stored. `None`: this run has, and lost the response.
fn earlier_batch(
    import: &Import<'_>,
    response: &ImportResponse,
    is_retried: bool,
) -> Result<Option<Batch>, CliError> {
    let Some(id) = response.result.batch.id else {
        return Ok(None);
    };
    let batch = import.client().batch(id).map_err(explain)?;
    Ok(Some(batch).filter(|batch| !is_retried || batch.undone_at.is_some()))
}

/// Reports that the file was imported before. Returns the error.
fn report_replay(import: &Import<'_>, response: &ImportResponse, batch: &Batch) -> CliError {
    let rejected = RejectedRows::from_rows(&response.result);
    // The earlier run may have ended before it saved them.
    if rejected.len() > 0 {
        let error = import.reject(&rejected, &response.result.columns, "");
        import.reporter.note(error.to_string().trim_end());
    }
    let members = json!({
        "batch": batch.id, "created_at": batch.created_at, "undone_at": batch.undone_at
    });
    if let Err(error) = import.reporter.event("replayed", members) {
        return error;
    }
    let undone = if batch.undone_at.is_some() {
        ", undone since"
    } else {
        ""
    };
    CliError::RowsRejected(format!(
        "{} was already imported as batch {}{undone}. Nothing was stored now. Add --again to \
         import it anew.",
        import.file_name(),
        batch.id
    ))
}

/// Prints how the columns were interpreted, if that was not shown before.
fn show_interpretation(import: &Import<'_>, response: &ImportResponse) -> Result<(), CliError> {
    import.save_mapping()?;
    let (columns, warnings) = (&response.result.columns, &response.result.warnings);
    let members = json!({"columns": columns, "warnings": warnings});
    import.reporter.event("columns", members)?;
    if let Some(line) = unused_text(columns) {
        import.reporter.note(line);
    }
    // The line above names the unused columns already.
    for warning in warnings.iter().filter(|warning| warning.kind != IGNORED) {
        import
            .reporter
            .note(wrap(&format!("Warning: {}", warning.message), 2));
    }
    Ok(())
}

impl RejectedRows {
    /// Returns the rows that an import would reject.
    fn from_plan(plan: &ImportPlan) -> Self {
        let mut rejected = Self::default();
        for error in &plan.errors {
            // Errors of the file as a whole have no row, and then there is no plan.
            let row = error.row.unwrap_or_default();
            rejected.add(row, [rejected_cell(error, &plan.columns)]);
        }
        rejected
    }

    /// Returns the rows that an import has rejected.
    fn from_rows(result: &devices_client::ImportResult) -> Self {
        let mut rejected = Self::default();
        for row in &result.results {
            let errors = row.errors.iter();
            let errors = errors.map(|error| rejected_cell(error, &result.columns));
            rejected.add(row.row.unwrap_or_default(), errors);
        }
        rejected
    }
}
