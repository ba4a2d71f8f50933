//! Errors of the command line, without the values of its arguments.

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{join_lines, log};

/// Shown in place of an argument.
const HIDDEN: &str = "...";

/// Prints an error without typed words, or the help or the version if that was requested. Returns
/// the exit code.
pub(super) fn print(error: clap::Error) -> ExitCode {
    let error = without_arguments(error);
    if error.use_stderr() && log::is_json() {
        let message = join_lines(&error.to_string());
        log::print_error(message.trim_start_matches("error: "));
    } else if error.print().is_err() {
        // The reader of the output has closed it.
        return ExitCode::FAILURE;
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1))
}

/// Removes typed words from an error, except names of options: an argument may be a secret, such as
/// the URL of the database.
fn without_arguments(mut error: clap::Error) -> clap::Error {
    let is_option = |text: &str| {
        text.starts_with('-') && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
    };
    // For all other kinds, `InvalidArg` is the definition of the argument, such as `--name <NAME>`.
    let is_unknown = error.kind() == ErrorKind::UnknownArgument;
    for kind in [
        ContextKind::InvalidArg,
        ContextKind::InvalidSubcommand,
        ContextKind::InvalidValue,
    ] {
        let is_typed = kind != ContextKind::InvalidArg || is_unknown;
        if let Some(ContextValue::String(text)) = error.get(kind)
            && is_typed
            && !text.is_empty()
            && !is_option(text)
        {
            error.insert(kind, ContextValue::String(HIDDEN.to_owned()));
        }
    }
    // Tips repeat the argument. Similar names have contexts of their own.
    error.remove(ContextKind::Suggested);
    error
}
