//! Bodies of errors about files and the options of their import.

use devices_import::{ErrorColumn, FileError, OptionError, OptionErrorReason};
use serde::Serialize;

/// Code of the errors of a file.
const INVALID_FILE: &str = "INVALID_FILE";

/// Body of the error of a file as a whole.
#[derive(Serialize)]
pub(super) struct FileErrorBody<'a> {
    error: &'static str,
    reason: &'static str,
    message: &'a str,
    errors: Vec<FileErrorEntry<'a>>,
    errors_total: usize,
}

/// Error of a file, with a column that it is about.
#[derive(Serialize)]
struct FileErrorEntry<'a> {
    index: Option<usize>,
    row: Option<u32>,
    column: Option<String>,
    header: Option<&'a str>,
    pointer: &'static str,
    field: Option<&'static str>,
    code: &'static str,
    reason: &'static str,
    message: &'a str,
}

impl<'a> FileErrorBody<'a> {
    /// Creates the body with an entry per column, or one if the error is about none.
    pub(super) fn of(error: &'a FileError) -> Self {
        let errors: Vec<_> = if error.columns.is_empty() {
            vec![FileErrorEntry::of(error, None)]
        } else {
            let columns = error.columns.iter();
            let entries = columns.map(|column| FileErrorEntry::of(error, Some(column)));
            entries.collect()
        };
        Self {
            error: INVALID_FILE,
            reason: error.reason.as_str(),
            message: &error.message,
            errors_total: errors.len(),
            errors,
        }
    }
}

impl<'a> FileErrorEntry<'a> {
    fn of(error: &'a FileError, column: Option<&'a ErrorColumn>) -> Self {
        Self {
            index: None,
            row: error.row,
            column: column.map(ErrorColumn::letters),
            header: column.map(|column| column.header.as_str()),
            pointer: "/file",
            field: None,
            code: INVALID_FILE,
            reason: error.reason.as_str(),
            message: &error.message,
        }
    }
}

/// Body of the error of an option.
#[derive(Serialize)]
pub(super) struct OptionErrorBody {
    error: String,
    errors: [OptionErrorEntry; 1],
    errors_total: usize,
}

/// Error of an option, with its place in the options.
#[derive(Serialize)]
struct OptionErrorEntry {
    index: Option<usize>,
    pointer: String,
    field: &'static str,
    code: &'static str,
    reason: &'static str,
    message: String,
}

impl OptionErrorBody {
    pub(super) fn of(error: &OptionError) -> Self {
        let message = option_message(error);
        Self {
            error: message.clone(),
            errors: [OptionErrorEntry {
                index: None,
                pointer: format!("/options{}", error.pointer),
                field: "options",
                code: "INVALID_BODY",
                reason: error.reason.as_str(),
                message,
            }],
            errors_total: 1,
        }
    }
}

/// Returns the message with the option that it is about, unless it is about an unknown one, which
/// the message names.
fn option_message(error: &OptionError) -> String {
    let OptionError {
        pointer,
        reason,
        message,
    } = error;
    match (reason, pointer.strip_prefix('/')) {
        (OptionErrorReason::UnknownOption, _) => message.clone(),
        (_, Some(name)) => format!("option `{name}`: {message}"),
        (_, None) => format!("options: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use devices_domain::Reason;
    use devices_import::FileErrorReason;

    use super::*;

    const OPENAPI: &str = include_str!("../../../../../../openapi.yaml");

    /// Returns the description that lists the words of a schema.
    fn description(schema: &str) -> &'static str {
        let start = format!("\n    {schema}:\n");
        let (_, schema) = OPENAPI.split_once(&start).unwrap();
        schema.split_once("\n\n    ").unwrap().0
    }

    #[test]
    fn reasons_of_options_are_documented() {
        let words = description("ImportError");
        for reason in OptionErrorReason::ALL.map(OptionErrorReason::as_str) {
            let is_reason = Reason::ALL.iter().any(|other| other.as_str() == reason);
            assert!(
                is_reason || words.contains(&format!("`{reason}`")),
                "{reason}"
            );
        }
    }

    #[test]
    fn reasons_of_files_are_documented() {
        let words = description("ImportErrorResponse");
        for reason in FileErrorReason::ALL.map(FileErrorReason::as_str) {
            assert!(words.contains(&format!("`{reason}`")), "{reason}");
        }
    }
}
