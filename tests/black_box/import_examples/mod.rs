//! The commands of docs/IMPORT.md, and its way from a sheet with errors to stored devices.

mod correction;
mod documented;
mod messages;
pub(crate) mod sheet;

use std::path::Path;
use std::process::Command;

use devices_tests::{Api, CommandOutput, built_program};
use serde_json::Value;

/// Root of the repository, in which the commands of the documentation run.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Runs a command of a shell in the root of the repository. `devices` is the program, which
/// connects to the server of a test.
fn run_in_shell(api: &Api, command: &str) -> CommandOutput {
    let directory = built_program().parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let output = Command::new("bash")
        .args(["-c", command])
        .current_dir(Path::new(ROOT))
        .env("PATH", format!("{}:{path}", directory.display()))
        .env("DEVICES_URL", api.server.url(""))
        .env("DEVICES_KEY", &api.key)
        .output();
    output.expect("bash is installed").into()
}

fn count_devices(api: &Api) -> Value {
    api.get_json("/devices?limit=1")["meta"]["total"].clone()
}

/// Numbers of the batches of the workspace, oldest first.
fn batches(api: &Api) -> Vec<String> {
    let list = api.get_json("/batches");
    let batches = list["data"].as_array().unwrap().iter().rev();
    batches.map(|batch| batch["id"].to_string()).collect()
}
