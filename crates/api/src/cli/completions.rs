//! Command `completions`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::output::{ignore_closed_pipe, print_line};
use super::{Cli, CliError};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Shell that completes commands and options of devices-api with the script
    shell: Shell,
}

/// Prints the script.
pub(super) fn run(arguments: &Arguments) -> Result<(), CliError> {
    let mut script = Vec::new();
    let mut command = Cli::command();
    clap_complete::generate(arguments.shell, &mut command, "devices-api", &mut script);
    let script = String::from_utf8_lossy(&script);
    ignore_closed_pipe(print_line(script.trim_end()))
}
