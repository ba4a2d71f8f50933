//! Confirmation of commands that cannot be undone.

use std::io::{IsTerminal, Write};

use crate::cli::CliError;

/// Asks on the terminal. Returns whether the answer is the expected one.
///
/// # Errors
/// `Rejected` if there is no terminal, with `action` in the message, such as "an erasure".
pub(super) fn ask(action: &str, question: &str, expected: &str) -> Result<bool, CliError> {
    if !std::io::stdin().is_terminal() {
        return Err(CliError::Rejected(format!(
            "{action} cannot be undone. Add --yes to confirm it."
        )));
    }
    let mut output = std::io::stderr();
    let asked = write!(output, "{question}").and_then(|()| output.flush());
    asked.map_err(CliError::Output)?;
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    Ok(read.is_ok() && answer.trim() == expected)
}
