//! Confirmation by the person at the terminal.

use std::io::{IsTerminal, Write};

use crate::context::Context;
use crate::error::CliError;

/// Checks that a question can be asked.
///
/// # Errors
/// A usage error if there is no terminal to ask on, or if the output is JSON.
pub(crate) fn require_terminal(context: Context) -> Result<(), CliError> {
    if context.is_json() || !std::io::stdin().is_terminal() {
        return Err(CliError::Usage(
            "this needs a confirmation, and there is no terminal to ask on. Add --yes.".to_owned(),
        ));
    }
    Ok(())
}

/// Asks a question on the terminal. Returns whether the answer is yes.
///
/// # Errors
/// A usage error if there is no terminal to ask on, or if the output is JSON.
pub(crate) fn ask(question: &str, context: Context) -> Result<bool, CliError> {
    require_terminal(context)?;
    let mut output = std::io::stderr();
    let asked = write!(output, "{question} [y/N] ").and_then(|()| output.flush());
    asked.map_err(CliError::Output)?;
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    let answer = answer.trim().to_lowercase();
    Ok(read.is_ok() && (answer == "y" || answer == "yes"))
}
