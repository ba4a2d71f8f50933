//! Command `completions`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::arguments::Cli;
use crate::error::CliError;
use crate::output::{ignore_closed_pipe, print_line};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Shell that completes commands and options of devices with the script
    shell: Shell,
}

/// Prints the script.
pub(crate) fn run(arguments: &Arguments) -> Result<(), CliError> {
    let mut script = Vec::new();
    let mut command = Cli::command();
    clap_complete::generate(arguments.shell, &mut command, "devices", &mut script);
    let script = String::from_utf8_lossy(&script);
    ignore_closed_pipe(print_line(script.trim_end()))
}
