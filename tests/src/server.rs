//! A running server whose output is checked.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{
    ConfidentialValues, PostgresLog, Response, TIMEOUT, TestDatabase, binary, register_server,
    statement_violations,
};

/// Settings and arguments of a server, in addition to its database.
#[derive(Debug, Default)]
pub struct ServerOptions {
    /// Environment variables, such as `DEVICES__LIMITS__BODY_BYTES`.
    pub settings: Vec<(&'static str, String)>,
    /// Arguments after `serve`.
    pub arguments: Vec<String>,
}

impl ServerOptions {
    /// Returns options with one setting.
    pub fn with(name: &'static str, value: impl ToString) -> Self {
        Self::default().and(name, value)
    }

    /// Adds another setting.
    #[must_use]
    pub fn and(mut self, name: &'static str, value: impl ToString) -> Self {
        self.settings.push((name, value.to_string()));
        self
    }
}

/// The real binary on a port of its own. Killed when dropped.
///
/// Logs at the level `trace`. Dropping it fails the test if its output, its metrics or the entries
/// of its sessions in PostgreSQL's log contain a secret or a value of a request, or if one of its
/// SQL statements breaks a [rule](crate::statement_violations).
#[derive(Debug)]
pub struct Server {
    process: Child,
    address: String,
    /// Name of the database.
    database: String,
    metrics_address: String,
    output: Arc<Lines>,
    log: Arc<Lines>,
    postgres_log: Option<PostgresLog>,
}

impl Server {
    /// Starts a server with the default settings.
    pub fn start(database: &TestDatabase) -> Self {
        Self::start_with(database, &ServerOptions::default())
    }

    /// Starts a server with these options.
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
        let postgres_log = PostgresLog::from_now();
        let mut process = command.spawn().expect("the binary can be run");
        let output = Lines::read(process.stdout.take().expect("stdout is piped"));
        let log = Lines::read(process.stderr.take().expect("stderr is piped"));
        let first = output
            .wait_for(|line| line.contains("http://"))
            .unwrap_or_else(|| panic!("the server did not start: {:?}", log.all()));
        let address = address_in(&first);
        let port = address
            .rsplit(':')
            .next()
            .and_then(|port| port.parse().ok());
        register_server(port.expect("a server has a port"), database.name());
        let metrics = output.wait_for(|line| line.contains("/metrics"));
        let metrics = metrics.map(|line| match line.rsplit_once("http://") {
            Some((_, metrics)) => address_in(&format!("http://{metrics}")),
            None => String::new(),
        });
        Self {
            process,
            address,
            database: database.name().to_owned(),
            metrics_address: metrics.unwrap_or_default(),
            output,
            log,
            postgres_log,
        }
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns the URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns the current metrics in the Prometheus format.
    pub fn metrics(&self) -> String {
        let url = format!("http://{}/metrics", self.metrics_address);
        let response = reqwest::blocking::get(url).expect("the metrics are served");
        response.text().expect("the response can be read")
    }

    /// Waits until the metrics contain a line, such as `devices_exports 1`.
    pub fn wait_for_metric(&self, line: &str) {
        let deadline = Instant::now() + TIMEOUT;
        while !self.metrics().lines().any(|metric| metric == line) {
            assert!(Instant::now() < deadline, "no {line}: {}", self.metrics());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for a line on standard output.
    pub fn wait_for_output_line(&self, matches: impl Fn(&str) -> bool) -> String {
        let line = self.output.wait_for(matches);
        line.unwrap_or_else(|| panic!("no such line in {:?}", self.output.all()))
    }

    /// Waits for a line of the log.
    pub fn wait_for_log_line(&self, matches: impl Fn(&str) -> bool) -> String {
        let line = self.log.wait_for(matches);
        line.unwrap_or_else(|| panic!("no such line in {:?}", self.log.all()))
    }

    /// Waits for the access log entry of a request.
    pub fn access_log_entry(&self, request_id: &str) -> Value {
        let line = self.wait_for_log_line(|line| is_access_log_entry(line, request_id));
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// Returns all lines on standard output so far.
    pub fn output_lines(&self) -> Vec<String> {
        self.output.all()
    }

    /// Returns all lines logged so far.
    pub fn log_lines(&self) -> Vec<String> {
        self.log.all()
    }

    /// Sends a request, and returns its response with the log lines of the statements that the
    /// server sent meanwhile, without those of jobs over all workspaces.
    pub fn statements_during(&self, request: impl FnOnce() -> Response) -> (Response, Vec<String>) {
        let started = self.log_lines().len();
        let response = request();
        // The statements are logged before it.
        self.access_log_entry(response.header("x-request-id"));
        let mut lines = self.log_lines().split_off(started);
        lines.retain(|line| {
            line.contains("\"statement\":") && !line.contains("/* all workspaces */")
        });
        (response, lines)
    }

    /// Counts the access log entries of a request so far.
    pub fn count_access_log_entries(&self, request_id: &str) -> usize {
        let lines = self.log_lines();
        lines
            .iter()
            .filter(|line| is_access_log_entry(line, request_id))
            .count()
    }

    fn check_output(&mut self) {
        if let Ok(None) = self.process.try_wait()
            && !self.metrics_address.is_empty()
        {
            ConfidentialValues::for_database(&self.database).assert_absent_from(&self.metrics());
        }
        // The output is complete only after the process has exited.
        self.end();
        let confidential = ConfidentialValues::for_database(&self.database);
        let lines = [self.output.all_until_exit(), self.log.all_until_exit()];
        for line in lines.iter().flatten() {
            confidential.assert_absent_from(line);
            let line: Value = serde_json::from_str(line).unwrap_or_default();
            let violations = line["statement"].as_str().map(statement_violations);
            assert_eq!(violations.unwrap_or_default(), Vec::<String>::new());
        }
    }

    fn check_postgres_log(&self) {
        let confidential = ConfidentialValues::for_database(&self.database);
        for entry in self.postgres_log_entries() {
            confidential.assert_absent_from(&entry);
        }
    }

    /// Returns the entries of this server's sessions in PostgreSQL's log so far. Returns none if
    /// the tests do not use the private server of the checkout.
    pub fn postgres_log_entries(&self) -> Vec<String> {
        let log = self.postgres_log.iter();
        log.flat_map(|log| log.entries(&self.database)).collect()
    }

    fn end(&mut self) {
        // Both fail if the process has ended before.
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

    /// Waits until the process exits.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + TIMEOUT;
        while Instant::now() < deadline {
            if let Some(status) = self.process.try_wait().expect("a child can be waited for") {
                return status;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the server does not exit: {:?}", self.log_lines());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.check_output();
            self.check_postgres_log();
        }
        self.end();
    }
}

/// Returns host and port of the first URL in a line.
fn address_in(line: &str) -> String {
    let (_, address) = line.split_once("http://").expect("the line contains a URL");
    let end = address.find(|c: char| !c.is_ascii_digit() && !".:".contains(c));
    address[..end.unwrap_or(address.len())].to_owned()
}

/// Returns whether a line is the access log entry of this request. A response has the client's id
/// if the request had one.
fn is_access_log_entry(line: &str, request_id: &str) -> bool {
    line.contains(r#""message":"request""#)
        && line.contains(&format!(r#"request_id":"{request_id}""#))
}

/// Lines that a process has written.
#[derive(Debug, Default)]
struct Lines {
    state: Mutex<LinesState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct LinesState {
    lines: Vec<String>,
    is_closed: bool,
}

impl Lines {
    /// Reads lines on a thread, so that the process never blocks on a full pipe.
    fn read(pipe: impl std::io::Read + Send + 'static) -> Arc<Self> {
        let lines = Arc::new(Self::default());
        let reader = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                reader.lock().lines.push(line);
                reader.changed.notify_all();
            }
            reader.lock().is_closed = true;
            reader.changed.notify_all();
        });
        lines
    }

    fn lock(&self) -> MutexGuard<'_, LinesState> {
        self.state.lock().expect("no thread panics with the lock")
    }

    fn all(&self) -> Vec<String> {
        self.lock().lines.clone()
    }

    /// Returns all lines after the process has closed the pipe.
    fn all_until_exit(&self) -> Vec<String> {
        self.wait_for(|_| false);
        self.all()
    }

    /// Waits for a line. Returns `None` if the process closes the pipe without such a line, or
    /// after the timeout.
    fn wait_for(&self, matches: impl Fn(&str) -> bool) -> Option<String> {
        let deadline = Instant::now() + TIMEOUT;
        let mut state = self.lock();
        loop {
            if let Some(line) = state.lines.iter().find(|line| matches(line)) {
                return Some(line.clone());
            }
            let remaining = deadline.saturating_duration_since(Instant::now());
            if state.is_closed || remaining.is_zero() {
                return None;
            }
            let result = self.changed.wait_timeout(state, remaining);
            state = result.expect("no thread panics with the lock").0;
        }
    }
}
