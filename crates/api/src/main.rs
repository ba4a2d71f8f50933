//! Binary with the server and the admin commands.

use std::process::ExitCode;

fn main() -> ExitCode {
    devices_api::cli::run()
}
