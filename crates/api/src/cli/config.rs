//! Command `config`.

use clap::Subcommand;
use serde_json::{Value, json};

use super::CliError;
use super::output::{ignore_closed_pipe, print_line, print_table};
use crate::settings::{Entry, Source, Sources};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check all settings as `serve` does, and list each with its value and its source
    ///
    /// Prints (set) in place of the URL of the database and of every other secret. Exits with 1
    /// and the error if a setting is invalid or unknown. Does not connect to the database.
    Check,
}

/// Text in place of a secret.
const SECRET: &str = "(set)";

pub(super) fn run(command: Command, sources: &Sources, json: bool) -> Result<(), CliError> {
    match command {
        Command::Check => ignore_closed_pipe(check(sources, json)),
    }
}

fn check(sources: &Sources, json: bool) -> Result<(), CliError> {
    let merged = sources.merge()?;
    merged.settings()?;
    let entries = merged.entries();
    let checked = json!({
        "environment": sources.environment(),
        "settings": entries.iter().map(to_json).collect::<Vec<_>>(),
    });
    let row = |entry: &Entry| {
        let value = match entry.value.as_deref() {
            None => SECRET,
            Some("") => "(empty)",
            Some(value) => value,
        };
        vec![entry.key.clone(), value.to_owned(), describe(&entry.source)]
    };
    let rows = entries.iter().map(row).collect();
    let headings = ["SETTING", "VALUE", "SOURCE"];
    print_table(json, &checked, &headings, rows)?;
    if json {
        return Ok(());
    }
    print_line(format_args!(
        "\nThe settings are valid. Environment: {}",
        sources.environment()
    ))
}

/// Describes a source as the operator names it.
fn describe(source: &Source) -> String {
    match source {
        Source::BuiltIn(name) => format!("built-in {name}"),
        Source::File(position) | Source::ConfigFile(position) => position.to_string(),
        Source::Variable(name) => name.clone(),
        Source::UrlFile(path) => format!("{} (database.url_file)", path.display()),
    }
}

fn to_json(entry: &Entry) -> Value {
    let kind = match &entry.source {
        Source::BuiltIn(_) => "built_in",
        Source::File(_) => "file",
        Source::ConfigFile(_) => "config_file",
        Source::Variable(_) => "variable",
        Source::UrlFile(_) => "url_file",
    };
    json!({
        "setting": entry.key,
        "variable": entry.variable,
        "value": entry.value.as_deref().unwrap_or(SECRET),
        "source": { "kind": kind, "name": describe(&entry.source) },
    })
}
