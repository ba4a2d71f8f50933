//! The program `devices`: the device registry on the command line.
//!
//! It uses the HTTP API only, so it needs neither the database nor libpq.

mod arguments;
mod batches;
mod completions;
mod confirmation;
mod context;
mod credentials;
mod error;
mod export;
mod get;
mod import;
mod list;
mod login;
mod man;
mod output;
mod text;
mod undo;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Cli, Command};
use crate::context::Context;
use crate::error::CliError;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let context = Context::new(cli.json);
    match run(cli.command, context) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            context.print_error(&error);
            ExitCode::from(error.exit_status())
        }
    }
}

fn run(command: Command, context: Context) -> Result<(), CliError> {
    match command {
        Command::Login(arguments) => login::run(arguments, context),
        Command::Logout => login::forget(context),
        Command::Import(arguments) => import::run(&arguments, context),
        Command::Undo(arguments) => undo::run(&arguments, context),
        Command::Batches(arguments) => batches::run(&arguments, context),
        Command::List(arguments) => list::run(arguments, context),
        Command::Get(arguments) => get::run(&arguments, context),
        Command::Export(arguments) => export::run(arguments, context),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Man(arguments) => man::run(&arguments),
    }
}
