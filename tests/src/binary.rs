//! Builds the real binaries, and runs that of the server.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use serde_json::Value;

use crate::{PostgresLog, TestDatabase, statement_violations};

/// Returns the path of the binary, built from the current sources.
pub fn built_binary() -> &'static Path {
    static PATH: LazyLock<PathBuf> = LazyLock::new(|| built_binaries().join("devices-api"));
    &PATH
}

/// Returns the path of the program `devices`, built from the current sources.
pub fn built_program() -> &'static Path {
    static PATH: LazyLock<PathBuf> = LazyLock::new(|| built_binaries().join("devices"));
    &PATH
}

/// Returns a command that runs the binary, built from the current sources. It inherits no setting
/// from the environment and reads no file of the working directory.
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

/// Builds both binaries once and returns their directory. Cargo does not build the binaries of
/// other packages for a test, so they could be missing or outdated.
fn built_binaries() -> &'static Path {
    static DIRECTORY: LazyLock<PathBuf> = LazyLock::new(build);
    &DIRECTORY
}

fn build() -> PathBuf {
    let program = std::env::current_exe().expect("the path of this program is known");
    // target/PROFILE/deps/TEST, or target/PROFILE/PROGRAM
    let mut folders = program.ancestors().skip(1);
    let folder = folders.find(|folder| !folder.ends_with("deps"));
    let folder = folder.expect("the program is in target/PROFILE");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--workspace"]);
    cargo.args(["--bin", "devices-api", "--bin", "devices"]);
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    let target = folder.parent().expect("PROFILE is in target");
    cargo.arg("--target-dir").arg(target);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = cargo.output().expect("cargo can be run");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    folder.to_owned()
}

/// Exit code and output of a command.
#[derive(Debug)]
pub struct CommandOutput {
    /// Exit code; -1 after a signal.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl CommandOutput {
    /// Parses standard output as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Parses each line of standard output as JSON.
    pub fn json_lines(&self) -> Vec<Value> {
        let lines = self.stdout.lines().map(serde_json::from_str);
        lines
            .map(|line| line.unwrap_or_else(|error| panic!("{error}: {self:?}")))
            .collect()
    }
}

impl From<Output> for CommandOutput {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// Runs a command of the binary on a database until it exits. Panics if one of its SQL statements
/// breaks a [rule](crate::statement_violations), unless the tests cannot read PostgreSQL's log.
pub fn run(database: &TestDatabase, arguments: &[&str]) -> CommandOutput {
    let (output, statements) = run_logged(database, arguments);
    for statement in statements.iter().flatten() {
        assert_eq!(statement_violations(statement), Vec::<String>::new());
    }
    output
}

/// Runs a command of the binary on a database until it exits. Returns its output and its SQL
/// statements, unless the tests cannot read PostgreSQL's log.
fn run_logged(database: &TestDatabase, arguments: &[&str]) -> (CommandOutput, Option<Vec<String>>) {
    let log = PostgresLog::from_now();
    let mut command = isolated(built_binary());
    command.env("DEVICES__DATABASE__URL", database.url());
    // Migrations precede the distribution of the tables.
    if log.is_some() && !arguments.contains(&"migrate") {
        command.env("PGOPTIONS", LOG_STATEMENTS);
    }
    let output = command.args(arguments).output();
    let output = output.expect("the binary can be run").into();
    (output, log.map(|log| log.statements(database.name())))
}

/// Options of a session that logs its statements without their parameters.
const LOG_STATEMENTS: &str = "-c log_statement=all -c log_parameter_max_length=0";

/// Runs a command of the binary on the database at `url` until it exits.
pub fn run_at(url: &str, arguments: &[&str]) -> CommandOutput {
    run_executable(built_binary(), url, arguments)
}

/// Runs a command of another build of the binary on the database at `url` until it exits.
pub fn run_executable(executable: &Path, url: &str, arguments: &[&str]) -> CommandOutput {
    let output = isolated(executable)
        .env("DEVICES__DATABASE__URL", url)
        .args(arguments)
        .output();
    output.expect("the binary can be run").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_of_commands_are_logged() {
        let (output, statements) = run_logged(&TestDatabase::new(), &["key", "list"]);
        assert_eq!(output.code, 0, "{output:?}");
        // `None`: the server is not the private one, whose log the tests can read.
        if let Some(statements) = statements {
            let reads_keys = |statement: &String| statement.contains("FROM \"api_keys\"");
            assert!(statements.iter().any(reads_keys), "{statements:?}");
        }
    }
}
