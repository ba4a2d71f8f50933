//! Import of a file that the server stores in one transaction.

use devices_client::{Batch, ClientError, ImportPlan, ImportRequest, ImportResponse, RowError};
use serde_json::json;

use super::columns_table::unused_text;
use super::explain::{exceeds_limits, explain, rejects_rows};
use super::outcome::Outcome;
use super::plan::{Plan, is_unused_column};
use super::rejected_rows::{RejectedRows, rejected_cell};
use super::run::{Import, Rejection};
use super::wording::in_arguments;
use crate::error::CliError;
use crate::text::{count, wrap};

/// Outcome of sending a whole file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WholeImport {
    /// The import has ended.
    Done,
    /// The file is above a limit of the server. Nothing was stored.
    TooLarge,
}

/// Question if no row can be stored, because devices are stored already.
const SEND_ANYWAY: &str = "\
    No row can be stored, because devices are stored already. Send the file to find an earlier \
    import of it?";

/// Number of the only part.
const PART: usize = 1;

/// Imports a file as it is.
pub(super) fn import(import: &Import<'_>) -> Result<WholeImport, CliError> {
    // The file is read once, so that its key is that of the content that is sent.
    let mut content = Vec::new();
    let read = std::io::Read::read_to_end(&mut import.open()?, &mut content);
    read.map_err(|error| import.cannot_read(error))?;
    let key = import.fingerprint(content.as_slice(), None)?.key(PART);
    let request = import.request(content, import.options.to_json(), key);
    if import.arguments.run.yes {
        return store(import, &request);
    }
    let plan = match validate(import, &request) {
        Err(error) if exceeds_limits(&error) => return Ok(WholeImport::TooLarge),
        result => result.map_err(explain)?,
    };
    import.show_plan(&Plan::from_server(&plan), Some(&plan.plan))?;
    if import.arguments.run.dry_run {
        return show_errors(import, &plan).map(|()| WholeImport::Done);
    }
    if stores_nothing(import, &plan) {
        // The rows of a file that was imported before are taken. Its replay states so. It cannot be
        // requested alone: rows whose devices were archived meanwhile would be stored.
        let is_stored = plan.errors.iter().any(is_already_stored);
        if !is_stored || !import.ask(SEND_ANYWAY)? {
            return Err(reject_all(import, &request, &plan));
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

/// Reports that all rows are rejected. Returns the error.
fn reject_all(import: &Import<'_>, request: &ImportRequest, plan: &ImportPlan) -> CliError {
    let saved = import.save_rejected(&Rejection {
        rows: &RejectedRows::from_plan(plan),
        columns: &plan.columns,
        content: Some(&request.file),
    });
    let message = saved.unwrap_or_else(|message| message);
    CliError::RowsRejected(format!("{message}\n{}", consequence(import, plan)))
}

/// Stores the file, or reports that it is stored already.
fn store(import: &Import<'_>, request: &ImportRequest) -> Result<WholeImport, CliError> {
    let reporter = &import.reporter;
    reporter.show_spinner(format!("Importing {}", request.file_name));
    let uncertain_attempts = reporter.uncertain_attempts();
    let result = import.client().import(request);
    reporter.clear_progress();
    let response = match result {
        Err(error) if exceeds_limits(&error) => return Ok(WholeImport::TooLarge),
        Err(error) if rejects_rows(&error) => {
            // The error lists some of the rows, the plan all of them.
            let plan = validate(import, request).map_err(explain)?;
            return Err(reject_all(import, request, &plan));
        }
        result => result.map_err(explain)?,
    };
    let rejected = RejectedRows::from_rows(&response.result);
    let rejection = Rejection {
        rows: &rejected,
        columns: &response.result.columns,
        content: Some(&request.file),
    };
    let may_be_own = reporter.uncertain_attempts() > uncertain_attempts;
    if response.is_replayed
        && let Some(batch) = earlier_batch(import, &response, may_be_own)?
    {
        return report_replay(import, &rejection, &batch);
    }
    let mut outcome = Outcome::default();
    outcome.add(&response.result.batch);
    if import.arguments.run.yes {
        show_interpretation(import, &response)?;
    }
    import.finish(&outcome, &rejection)?;
    Ok(WholeImport::Done)
}

/// Returns the batch that an earlier run has stored. `None` if it may be that of an attempt of this
/// run whose response was lost.
fn earlier_batch(
    import: &Import<'_>,
    response: &ImportResponse,
    may_be_own: bool,
) -> Result<Option<Batch>, CliError> {
    let Some(id) = response.result.batch.id else {
        return Ok(None);
    };
    let batch = import.client().batch(id).map_err(explain)?;
    Ok(Some(batch).filter(|batch| !may_be_own || batch.undone_at.is_some()))
}

/// Reports that the file was imported before. Always returns an error.
fn report_replay(
    import: &Import<'_>,
    rejection: &Rejection<'_>,
    batch: &Batch,
) -> Result<WholeImport, CliError> {
    if rejection.rows.len() > 0 {
        import.report_earlier_rejected(rejection)?;
    }
    let members = json!({
        "batch": batch.id, "created_at": batch.created_at, "undone_at": batch.undone_at
    });
    import.reporter.event("replayed", members)?;
    let undone = if batch.undone_at.is_some() {
        ", undone since"
    } else {
        ""
    };
    Err(CliError::RowsRejected(format!(
        "{} was already imported as batch {}{undone}. Nothing was stored now. Add --again to \
         import it anew.",
        import.file_name(),
        batch.id
    )))
}

/// Prints how the columns were interpreted, if that was not shown before.
fn show_interpretation(import: &Import<'_>, response: &ImportResponse) -> Result<(), CliError> {
    import.save_mapping()?;
    let (columns, warnings) = (&response.result.columns, &response.result.warnings);
    let members = json!({"columns": columns, "warnings": warnings});
    import.reporter.event("columns", members)?;
    let mut warnings: Vec<_> = warnings.iter().collect();
    if !import.options.keeps_other_columns()
        && let Some(line) = unused_text(columns, &response.result.warnings)
    {
        import.reporter.note(line);
        // The line names the unused columns already.
        warnings.retain(|warning| !is_unused_column(warning));
    }
    for warning in warnings {
        import.reporter.note(wrap(
            &format!("Warning: {}", in_arguments(&warning.message)),
            2,
        ));
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
