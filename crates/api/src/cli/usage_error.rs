//! Errors of the command line, without the values of its arguments.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Shown in place of an argument.
const HIDDEN: &str = "...";

/// Removes typed words from an error, except names of options: an argument may be a secret, such as
/// the URL of the database.
pub(super) fn without_arguments(mut error: clap::Error) -> clap::Error {
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
