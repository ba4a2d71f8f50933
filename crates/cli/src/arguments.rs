//! Arguments of the program.

use clap::{Parser, Subcommand};

use crate::{batches, completions, export, get, import, list, login, man, undo};

/// Device registry on the command line: import spreadsheets, list and export devices.
///
/// Begin with `devices login URL`, then `devices import FILE --dry-run`.
#[derive(Debug, Parser)]
#[command(name = "devices", version, after_help = EXIT_STATUS, after_long_help = EXIT_STATUS)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Print JSON, one object per line, instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Store the URL and the key of a server
    ///
    /// Reads the key from a prompt, or from standard input if that is not a terminal. Checks it
    /// with the server.
    Login(login::Arguments),
    /// Remove the stored URL and key
    Logout,
    /// Import devices from a CSV or Excel file
    Import(Box<import::Arguments>),
    /// Archive the devices that batches created
    ///
    /// Keeps devices that were changed since then, unless --include-changed. Does not revert
    /// devices that the batch updated.
    Undo(undo::Arguments),
    /// List batches, newest first: each import is one
    Batches(batches::Arguments),
    /// List devices, newest first
    List(list::Arguments),
    /// Print all fields of a device
    Get(get::Arguments),
    /// Write all devices to standard output or to a file
    ///
    /// A CSV file of an export can be imported again.
    Export(export::Arguments),
    /// Print a script with which a shell completes commands and options
    ///
    /// For bash, put it into ~/.local/share/bash-completion/completions/devices.
    Completions(completions::Arguments),
    /// Write the man pages of all commands into a directory
    #[command(hide = true)]
    Man(man::Arguments),
}

/// Shown after the help of the program.
const EXIT_STATUS: &str = "\
Exit status: 0 everything was done, 1 rows were rejected or the command failed, 2 invalid
arguments, 3 the server is not reachable or not available.

Environment: DEVICES_URL and DEVICES_KEY replace `devices login`. HTTPS_PROXY, HTTP_PROXY,
ALL_PROXY and NO_PROXY are honoured.";
