//! Command `batches`.

use clap::Args;
use devices_client::{Batch, PageRequest};

use crate::context::Context;
use crate::error::CliError;
use crate::output::{ignore_closed_pipe, optional_cell, print_json, print_line, table};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Number of one batch. Without it, the newest are listed
    #[arg(value_name = "NUMBER")]
    batch: Option<u64>,
    /// Maximum number of batches
    #[arg(long, value_name = "NUMBER", default_value_t = 20,
        value_parser = clap::value_parser!(u32).range(1..=100))]
    limit: u32,
}

/// Prints the batches.
pub(crate) fn run(arguments: &Arguments, context: Context) -> Result<(), CliError> {
    let client = context.client()?;
    let batches = if let Some(id) = arguments.batch {
        vec![client.batch(id)?]
    } else {
        let page = PageRequest {
            limit: Some(arguments.limit),
            cursor: None,
        };
        client.batches(&page)?.items
    };
    ignore_closed_pipe(print(&batches, context))
}

fn print(batches: &[Batch], context: Context) -> Result<(), CliError> {
    if context.is_json() {
        return batches.iter().try_for_each(print_json);
    }
    print_line(table(&HEADINGS, batches.iter().map(row).collect()))
}

const HEADINGS: [&str; 10] = [
    "BATCH",
    "STORED",
    "KEY",
    "ROWS",
    "CREATED",
    "UPDATED",
    "UNCHANGED",
    "SKIPPED",
    "FAILED",
    "UNDONE",
];

fn row(batch: &Batch) -> Vec<String> {
    let counts = [
        batch.counts.rows,
        batch.counts.created,
        batch.counts.updated,
        batch.counts.unchanged,
        batch.counts.skipped,
        batch.counts.failed,
    ];
    let mut cells = vec![
        batch.id.to_string(),
        time(&batch.created_at),
        optional_cell(batch.key.as_ref().map(|key| &key.name)),
    ];
    cells.extend(counts.map(|count| count.to_string()));
    cells.push(optional_cell(batch.undone_at.as_deref().map(time)));
    cells
}

/// Shortens a time in ISO 8601 to seconds. The server sends UTC.
pub(crate) fn time(text: &str) -> String {
    match text.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => text.to_owned(),
    }
}
