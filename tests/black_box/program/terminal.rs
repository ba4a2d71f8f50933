//! Questions on a terminal.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use devices_tests::{Api, CommandOutput, Program, TIMEOUT};
use serde_json::json;

/// A command on a terminal.
pub(super) struct Terminal {
    process: Child,
    screen: Receiver<Vec<u8>>,
    keyboard: ChildStdin,
    shown: Vec<u8>,
}

impl Terminal {
    pub(super) fn start(program: &Program, arguments: &[&str]) -> Self {
        let mut command = program.terminal_command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        Self {
            screen: chunks(process.stdout.take().unwrap()),
            keyboard: process.stdin.take().unwrap(),
            process,
            shown: Vec::new(),
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.shown).into_owned()
    }

    /// Waits until the terminal shows a text.
    pub(super) fn wait_for(&mut self, text: &str) {
        while !self.text().contains(text) {
            let chunk = self.screen.recv_timeout(TIMEOUT);
            let chunk = chunk.unwrap_or_else(|_| panic!("no {text}: {}", self.text()));
            self.shown.extend(chunk);
        }
    }

    /// Waits until the terminal does not show what is typed.
    fn wait_until_input_is_hidden(&mut self) {
        self.wait_for("\n");
        let path = self.text().lines().next().unwrap().trim().to_owned();
        let deadline = Instant::now() + TIMEOUT;
        let is_hidden = || {
            let output = Command::new("stty").args(["-a", "-F", &path]).output();
            let settings = CommandOutput::from(output.unwrap()).stdout;
            settings.split_whitespace().any(|word| word == "-echo")
        };
        while !is_hidden() {
            assert!(Instant::now() < deadline, "the input is shown");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(super) fn type_line(&mut self, text: &str) {
        let line = format!("{text}\n");
        self.keyboard.write_all(line.as_bytes()).unwrap();
    }

    /// Waits until the command exits. Returns all that the terminal showed.
    pub(super) fn finish(mut self) -> CommandOutput {
        loop {
            match self.screen.recv_timeout(TIMEOUT) {
                Ok(chunk) => self.shown.extend(chunk),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("does not exit: {}", self.text()),
            }
        }
        let code = self.process.wait().unwrap().code().unwrap();
        CommandOutput {
            code,
            stdout: self.text(),
            stderr: String::new(),
        }
    }
}

/// Returns what a terminal shows, as it appears. A read from a pipe itself has no timeout.
fn chunks(mut screen: ChildStdout) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 1_024];
        loop {
            let length = screen.read(&mut buffer).unwrap();
            if length == 0 || sender.send(buffer[..length].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}

#[test]
fn typed_key_is_not_shown() {
    let api = Api::start();
    let program = Program::new();
    let url = api.server.url("");
    let mut terminal = Terminal::start(&program, &["login", &url]);
    terminal.wait_for("API key: ");
    terminal.wait_until_input_is_hidden();
    terminal.type_line(&api.key);
    let output = terminal.finish();
    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.stdout.contains("Logged in to"), "{output:?}");
    assert!(!output.stdout.contains(&api.key));
    program.run_ok(&["list"]);
}

#[test]
fn undo_asks_for_confirmation() {
    let api = Api::start();
    let program = Program::of(&api);
    api.create_device(json!({}));
    let batches = program.run(&["batches", "--json"]).json_lines();
    let batch = batches[0]["id"].to_string();
    let question = "Archive them? [y/N] ";
    for (answer, status, remaining) in [("", 1, 1), ("n", 1, 1), ("Y", 0, 0)] {
        let mut terminal = Terminal::start(&program, &["undo", &batch]);
        terminal.wait_for(question);
        terminal.type_line(answer);
        let output = terminal.finish();
        assert_eq!(output.code, status, "{output:?}");
        assert!(
            output.stdout.contains("1 device would be archived"),
            "{output:?}"
        );
        let devices = program.run_ok(&["list", "--json"]);
        assert_eq!(devices.lines().count(), remaining, "{answer}");
    }
    let output = Terminal::start(&program, &["undo", &batch]).finish();
    assert_eq!(output.code, 0, "{output:?}");
    assert!(
        output.stdout.contains("0 devices would be archived"),
        "{output:?}"
    );
}
