//! Runs the program `devices`.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::binary::isolated;
use crate::{Api, CommandOutput, Directory, built_program};

/// The program `devices` with a home directory of its own. It knows a server from its environment,
/// and uses no proxy.
#[derive(Debug)]
pub struct Program {
    /// Its home and working directory.
    pub home: Directory,
    environment: Vec<(&'static str, String)>,
}

impl Program {
    /// Returns a program that knows no server.
    #[expect(clippy::new_without_default, reason = "creates a directory")]
    pub fn new() -> Self {
        Self {
            home: Directory::new(),
            environment: Vec::new(),
        }
    }

    /// Returns a program with the URL and the WRITE key of a server.
    pub fn of(api: &Api) -> Self {
        Self::with_server(&api.server.url(""), &api.key)
    }

    /// Returns a program with a URL and a key.
    pub fn with_server(url: &str, key: &str) -> Self {
        Self::new().env("DEVICES_URL", url).env("DEVICES_KEY", key)
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn env(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    /// Returns a command that runs the program.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.prepare(built_program(), arguments)
    }

    /// Returns a command that runs the program on a terminal. Its standard input is what a person
    /// types, and its standard output what the terminal shows: first the path of the terminal.
    pub fn terminal_command(&self, arguments: &[&str]) -> Command {
        let program = built_program().to_str().expect("the path is UTF-8");
        let words = [&[program], arguments].concat();
        let words: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
        let line = format!("tty; {}", words.join(" "));
        let script = ["--quiet", "--return", "--command", &line, "/dev/null"];
        let mut command = self.prepare(Path::new("script"), &script);
        // Programs draw no progress on the terminal of a machine without one, which is `dumb`.
        command.env("TERM", "xterm");
        command
    }

    fn prepare(&self, executable: &Path, arguments: &[&str]) -> Command {
        let mut command = isolated(executable);
        for (name, _) in std::env::vars() {
            let lower = name.to_lowercase();
            if lower.ends_with("_proxy") || lower.starts_with("xdg_") {
                command.env_remove(name);
            }
        }
        command
            .env("HOME", self.home.path(""))
            .current_dir(self.home.path(""))
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .args(arguments);
        command
    }

    /// Runs a command until it exits.
    pub fn run(&self, arguments: &[&str]) -> CommandOutput {
        self.run_with_input(arguments, "")
    }

    /// Runs a command that reads `input` from a pipe until it exits.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> CommandOutput {
        let mut command = self.command(arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = command.spawn().expect("the program can be run");
        let mut stdin = process.stdin.take().expect("stdin is piped");
        // A program that needs no input may have exited.
        drop(stdin.write_all(input.as_bytes()));
        drop(stdin);
        let output = process.wait_with_output();
        output.expect("the program can be awaited").into()
    }

    /// Runs a command that must succeed. Returns its standard output.
    #[track_caller]
    pub fn run_ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.code, 0, "{arguments:?}: {output:?}");
        output.stdout
    }

    /// Runs a command that must fail with this exit status and print nothing to standard output.
    /// Returns its standard error.
    #[track_caller]
    pub fn run_err(&self, status: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.code, status, "{arguments:?}: {output:?}");
        assert_eq!(output.stdout, "", "{arguments:?}");
        output.stderr
    }
}
