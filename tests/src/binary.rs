//! The real binary.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use serde_json::Value;

use crate::TestDatabase;

/// Returns the path of the binary, built from the current sources.
pub fn built_binary() -> &'static Path {
    static PATH: LazyLock<PathBuf> = LazyLock::new(build);
    &PATH
}

/// The binary as the sources are now, told nothing but what a test says: no setting of the
/// environment reaches it, and no file of the working folder.
pub fn binary() -> Command {
    isolated(built_binary())
}

/// Returns a command for `executable` that inherits no setting from the environment and reads no
/// file of the working directory.
pub(crate) fn isolated(executable: &Path) -> Command {
    let mut command = Command::new(executable);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("DEVICES_")) {
        command.env_remove(name);
    }
    command.current_dir(std::env::temp_dir());
    command.env("DEVICES_ENVIRONMENT", "test");
    command
}

/// Tests of one package do not build the binary of another: this makes sure that it is there, and
/// is no older one.
fn build() -> PathBuf {
    let program = std::env::current_exe().expect("a program knows its own path");
    // target/PROFILE/deps/TEST, or target/PROFILE/PROGRAM
    let mut folders = program.ancestors().skip(1);
    let folder = folders.find(|folder| !folder.ends_with("deps"));
    let folder = folder.expect("programs lie in target/PROFILE");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--workspace", "--bin", "devices-api"]);
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    let target = folder.parent().expect("the profile lies in target");
    cargo.arg("--target-dir").arg(target);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    let built = cargo.output().expect("cargo can be run");
    let errors = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{errors}");
    folder.join("devices-api")
}

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

impl Ran {
    /// What it printed, as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// What it printed, each line as JSON.
    pub fn json_lines(&self) -> Vec<Value> {
        let lines = self.stdout.lines().map(serde_json::from_str);
        lines
            .map(|line| line.unwrap_or_else(|error| panic!("{error}: {self:?}")))
            .collect()
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// Runs a command of the binary on a database until it ends.
pub fn run(database: &TestDatabase, arguments: &[&str]) -> Ran {
    run_at(database.url(), arguments)
}

/// Runs a command of the binary on the database at `url` until it ends.
pub fn run_at(url: &str, arguments: &[&str]) -> Ran {
    run_executable(built_binary(), url, arguments)
}

/// Runs a command of another build of the binary on the database at `url` until it ends.
pub fn run_executable(executable: &Path, url: &str, arguments: &[&str]) -> Ran {
    let output = isolated(executable)
        .env("DEVICES__DATABASE__URL", url)
        .args(arguments)
        .output();
    output.expect("the binary can be run").into()
}
