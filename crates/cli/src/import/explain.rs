//! Errors of the server and of the library in terms of the arguments of `devices import`.

use devices_client::{ClientError, RowError};
use devices_import::{FileErrorReason, ImportError};

use super::wording::{in_arguments, option_in_arguments};
use crate::error::CliError;
use crate::text::count;

/// Returns whether the file exceeds a limit of the server. Smaller parts of it may not.
pub(super) fn exceeds_limits(error: &ClientError) -> bool {
    error.status() == Some(413)
        || has_reason(error, FileErrorReason::TooManyRows)
        || has_reason(error, FileErrorReason::TooLarge)
}

/// Returns whether rows of the file are invalid, and the file is otherwise accepted.
pub(super) fn rejects_rows(error: &ClientError) -> bool {
    let report = error.report().unwrap_or_default();
    report.errors.iter().any(|error| error.index.is_some())
}

/// Explains why the server rejected a file or its options.
pub(super) fn explain(error: ClientError) -> CliError {
    let report = error.report().unwrap_or_default();
    let concerns_options = |error: &RowError| {
        let pointer = error.pointer.as_deref();
        pointer.is_some_and(|pointer| pointer.starts_with("/options"))
    };
    if report.errors.iter().any(concerns_options) {
        return CliError::Usage(messages(&report.errors));
    }
    match error.code() {
        Some("INVALID_FILE") => {
            let mut message = messages(&report.errors);
            if message.is_empty() {
                message = error.to_string();
            }
            CliError::Failed(with_hint(message, report.reason.as_deref()))
        }
        Some("IDEMPOTENCY_KEY_REUSED") => CliError::Failed(
            "an earlier run stored other rows as this part. Was the file changed, or imported \
             by another version of this program? Add --again to import all parts anew."
                .to_owned(),
        ),
        _ => CliError::Client(error),
    }
}

/// Explains why the server rejected a part.
pub(super) fn explain_part(error: ClientError, rows: usize) -> CliError {
    if exceeds_limits(&error) {
        let rows = count(rows, "row");
        return CliError::Usage(format!(
            "a part of {rows} is larger than the server stores at once. Send smaller parts with \
             --part-rows."
        ));
    }
    explain(error)
}

/// Explains why a file cannot be read here.
pub(super) fn explain_local(error: ImportError) -> CliError {
    match error {
        ImportError::File(error) => {
            let reason = error.reason.as_str();
            CliError::Failed(with_hint(in_arguments(&error.message), Some(reason)))
        }
        ImportError::Option(error) => {
            CliError::Usage(option_in_arguments(&error.pointer, &error.message))
        }
        ImportError::Io(error) => CliError::Failed(format!("the file cannot be read: {error}")),
    }
}

fn has_reason(error: &ClientError, reason: FileErrorReason) -> bool {
    let found = error.report().and_then(|report| report.reason);
    found.as_deref() == Some(reason.as_str())
}

/// Returns the different messages, one per line. Both columns of one field have the same.
fn messages(errors: &[RowError]) -> String {
    let mut messages: Vec<String> = Vec::new();
    for error in errors {
        let pointer = error.pointer.as_deref().unwrap_or_default();
        let message = match pointer.strip_prefix("/options") {
            Some(option) => option_in_arguments(option, &error.message),
            None => in_arguments(&error.message),
        };
        if !messages.contains(&message) {
            messages.push(message);
        }
    }
    messages.join("\n")
}

/// Adds which argument helps.
fn with_hint(message: String, reason: Option<&str>) -> String {
    let hint = match reason {
        Some("duplicate_field") => "Leave one of the columns out with --map 'HEADER='.",
        Some("unknown_column") => {
            "Name its field with --map 'HEADER=FIELD', or add --other-columns ignore."
        }
        _ => return message,
    };
    format!("{message}\n{hint}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn rejected(status: u16, body: Value) -> ClientError {
        ClientError::Status {
            status,
            code: body["error"].as_str().unwrap_or_default().to_owned(),
            message: "message".to_owned(),
            body,
            request_id: None,
        }
    }

    #[test]
    fn ambiguous_date_names_the_argument() {
        let error = rejected(
            400,
            json!({"error": "INVALID_FILE", "reason": "ambiguous_date",
                   "errors": [{"column": "C", "message": "order not clear: give `date_format` DD/MM/YYYY"}]}),
        );
        assert!(!exceeds_limits(&error));
        let text = explain(error).to_string();
        assert_eq!(text, "order not clear: give --date-format DD/MM/YYYY");
    }

    #[test]
    fn invalid_option_is_a_usage_error() {
        let error = rejected(
            400,
            json!({"error": "INVALID_BODY", "errors": [
                {"pointer": "/options/columns/Room", "message": "the file has no column `Room`"}]}),
        );
        let error = explain(error);
        assert!(
            matches!(&error, CliError::Usage(message) if message.contains("`Room`")),
            "{error:?}"
        );
    }

    #[test]
    fn files_above_a_limit_are_recognized() {
        let body = json!({"error": "INVALID_FILE", "reason": "too_many_rows", "errors": []});
        assert!(exceeds_limits(&rejected(400, body)));
        let body = json!({"error": "INVALID_FILE", "reason": "too_large", "errors": []});
        assert!(exceeds_limits(&rejected(400, body)));
        assert!(exceeds_limits(&rejected(413, Value::Null)));
        assert!(!exceeds_limits(&rejected(400, Value::Null)));
    }

    #[test]
    fn part_above_a_limit_names_the_argument() {
        let error = explain_part(rejected(413, Value::Null), 20_000);
        assert!(
            matches!(&error, CliError::Usage(text) if text.contains("--part-rows")),
            "{error:?}"
        );
    }

    #[test]
    fn equal_messages_are_printed_once() {
        let error = |column| json!({"column": column, "message": "two columns provide `name`"});
        let body = json!({"error": "INVALID_FILE", "reason": "duplicate_field",
                          "errors": [error("A"), error("B")]});
        let text = explain(rejected(400, body)).to_string();
        assert_eq!(text.matches("two columns").count(), 1, "{text}");
    }

    #[test]
    fn errors_of_rows_are_recognized() {
        let row = json!({"errors": [{"index": 3, "row": 5, "message": "must not be empty"}]});
        assert!(rejects_rows(&rejected(400, row)));
        let body = json!({"errors": [{"pointer": "", "message": "not JSON"}]});
        assert!(!rejects_rows(&rejected(400, body)));
    }
}
