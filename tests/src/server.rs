//! The running server.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{Confidential, PATIENCE, TestDatabase, binary, complaint_about, know_server};

/// What the server is started with, beside its database.
#[derive(Debug, Default)]
pub struct ServerOptions {
    /// Variables, such as `DEVICES__LIMITS__BODY_BYTES`.
    pub settings: Vec<(&'static str, String)>,
    /// Arguments after `serve`.
    pub arguments: Vec<String>,
}

impl ServerOptions {
    /// With one setting.
    pub fn with(name: &'static str, value: impl ToString) -> Self {
        Self::default().and(name, value)
    }

    /// And another.
    pub fn and(mut self, name: &'static str, value: impl ToString) -> Self {
        self.settings.push((name, value.to_string()));
        self
    }
}

/// The real binary, serving on a port of its own; killed when it is dropped.
///
/// It logs everything that it can. Dropping it fails the test where something that it wrote, or
/// that its figures show, holds a secret or a value of a request, and where one of its statements
/// does not keep to a workspace.
#[derive(Debug)]
pub struct Server {
    process: Child,
    address: String,
    /// The name of its database.
    database: String,
    figures: String,
    output: Arc<Lines>,
    log: Arc<Lines>,
}

impl Server {
    /// Serves with the default settings.
    pub fn start(database: &TestDatabase) -> Self {
        Self::start_with(database, &ServerOptions::default())
    }

    /// Serves with settings of the test's own.
    pub fn start_with(database: &TestDatabase, options: &ServerOptions) -> Self {
        let mut command = binary();
        command
            .env("DEVICES__DATABASE__URL", database.url())
            .env("DEVICES__DATABASE__POOL_SIZE", "4")
            .env("DEVICES__SERVER__PORT", "0")
            .env("DEVICES__LOG__LEVEL", "trace")
            .envs(options.settings.iter().map(|(name, value)| (name, value)))
            .arg("serve")
            .args(&options.arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = command.spawn().expect("the binary can be run");
        let output = Lines::of(process.stdout.take().expect("stdout is piped"));
        let log = Lines::of(process.stderr.take().expect("stderr is piped"));
        let first = output
            .wait_for(|line| line.contains("http://"))
            .unwrap_or_else(|| panic!("the server did not start: {:?}", log.all()));
        let address = address_in(&first);
        let port = address
            .rsplit(':')
            .next()
            .and_then(|port| port.parse().ok());
        know_server(port.expect("a server has a port"), database.name());
        let figures = output.wait_for(|line| line.contains("/metrics"));
        let figures = figures.map(|line| match line.rsplit_once("http://") {
            Some((_, figures)) => address_in(&format!("http://{figures}")),
            None => String::new(),
        });
        Self {
            process,
            address,
            database: database.name().to_owned(),
            figures: figures.unwrap_or_default(),
            output,
            log,
        }
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The figures for Prometheus, as they are now.
    pub fn figures(&self) -> String {
        let asked = reqwest::blocking::get(format!("http://{}/metrics", self.figures));
        let answer = asked.expect("the figures can be asked for");
        answer.text().expect("the answer can be read")
    }

    /// Waits for a line on standard output.
    pub fn output_line(&self, wanted: impl Fn(&str) -> bool) -> String {
        let line = self.output.wait_for(wanted);
        line.unwrap_or_else(|| panic!("no such line in {:?}", self.output.all()))
    }

    /// Waits for a line of the log.
    pub fn log_line(&self, wanted: impl Fn(&str) -> bool) -> String {
        let line = self.log.wait_for(wanted);
        line.unwrap_or_else(|| panic!("no such line in {:?}", self.log.all()))
    }

    /// Waits for the log line of a request.
    pub fn log_of(&self, request_id: &str) -> Value {
        let line = self.log_line(|line| is_about(line, request_id));
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// Everything that was logged so far.
    pub fn log(&self) -> Vec<String> {
        self.log.all()
    }

    /// How many lines were logged so far about a request.
    pub fn lines_about(&self, request_id: &str) -> usize {
        let lines = self.log();
        lines
            .iter()
            .filter(|line| is_about(line, request_id))
            .count()
    }

    fn assert_good_behaviour(&mut self) {
        if let Ok(None) = self.process.try_wait()
            && !self.figures.is_empty()
        {
            Confidential::on(&self.database).assert_untold(&self.figures());
        }
        // Whatever it wrote last is there once it has ended.
        self.end();
        let confidential = Confidential::on(&self.database);
        for line in self
            .output
            .to_the_end()
            .iter()
            .chain(&self.log.to_the_end())
        {
            confidential.assert_untold(line);
            let line: Value = serde_json::from_str(line).unwrap_or_default();
            let complaint = line["statement"].as_str().and_then(complaint_about);
            assert!(complaint.is_none(), "{complaint:?}");
        }
    }

    fn end(&mut self) {
        // It may have ended before.
        drop(self.process.kill());
        drop(self.process.wait());
    }

    /// Sends the process a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.process.id().to_string()])
            .status();
        assert!(sent.is_ok_and(|status| status.success()));
    }

    /// Waits until the process has ended.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.process.try_wait().expect("a child can be waited for") {
                return status;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the server does not end: {:?}", self.log());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.assert_good_behaviour();
        }
        self.end();
    }
}

/// Host and port of the first URL.
fn address_in(line: &str) -> String {
    let (_, address) = line.split_once("http://").expect("the line holds a URL");
    let end = address.find(|c: char| !c.is_ascii_digit() && !".:".contains(c));
    address[..end.unwrap_or(address.len())].to_owned()
}

/// Whether it is the line that a request leaves.
fn is_about(line: &str, request_id: &str) -> bool {
    line.contains(r#""message":"request""#)
        && line.contains(&format!(r#""request_id":"{request_id}""#))
}

/// The lines that a process has written.
#[derive(Debug, Default)]
struct Lines {
    written: Mutex<Written>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct Written {
    lines: Vec<String>,
    ended: bool,
}

impl Lines {
    /// Reads them on a thread, so that the process never waits for a reader.
    fn of(pipe: impl std::io::Read + Send + 'static) -> Arc<Self> {
        let lines = Arc::new(Self::default());
        let reader = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                reader.lock().lines.push(line);
                reader.more.notify_all();
            }
            reader.lock().ended = true;
            reader.more.notify_all();
        });
        lines
    }

    fn lock(&self) -> MutexGuard<'_, Written> {
        self.written.lock().expect("no reader panics")
    }

    fn all(&self) -> Vec<String> {
        self.lock().lines.clone()
    }

    /// All of a process that has ended.
    fn to_the_end(&self) -> Vec<String> {
        self.wait_for(|_| false);
        self.all()
    }

    /// `None` where the process ends without such a line.
    fn wait_for(&self, wanted: impl Fn(&str) -> bool) -> Option<String> {
        let deadline = Instant::now() + PATIENCE;
        let mut written = self.lock();
        loop {
            if let Some(line) = written.lines.iter().find(|line| wanted(line)) {
                return Some(line.clone());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if written.ended || left.is_zero() {
                return None;
            }
            let waited = self.more.wait_timeout(written, left);
            written = waited.expect("no reader panics").0;
        }
    }
}
