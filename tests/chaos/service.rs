//! The real binary, and what its clients send.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use devices_tests::{binary, run_at};
use serde_json::Value;

/// A server; killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Service {
    process: Child,
    address: String,
    figures: String,
}

impl Service {
    /// Serves the database at `url` with these settings. Its log is added to `chaos.log` in the
    /// temporary folder.
    pub(crate) fn start(url: &str, settings: &[(&str, &str)]) -> Self {
        let log = std::env::temp_dir().join("fleet-devices-chaos.log");
        let log = File::options().create(true).append(true).open(&log);
        let mut command = binary();
        command
            .env("DEVICES__DATABASE__URL", url)
            .env("DEVICES__SERVER__PORT", "0")
            .env("DEVICES__LOG__LEVEL", "warn")
            .envs(settings.iter().copied())
            .args(["serve", "--json"])
            .stdout(Stdio::piped())
            .stderr(log.expect("the temporary folder can be written to"));
        let mut process = command.spawn().expect("the binary can be run");
        let stdout = process.stdout.take().expect("it is piped");
        let mut line = String::new();
        let read = BufReader::new(stdout).read_line(&mut line);
        read.expect("the server can be heard");
        let told: Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("the server did not start: see fleet-devices-chaos.log"));
        let text = |name: &str| told[name].as_str().expect("it is told").to_owned();
        let address = text("address");
        Self {
            process,
            address: address.trim_start_matches("http://").to_owned(),
            figures: text("metrics"),
        }
    }

    /// Host and port.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// How many connections of its pool are in use once those that are given back have been.
    pub(crate) fn connections_in_use(&self) -> u32 {
        let deadline = Instant::now() + Duration::from_secs(3);
        loop {
            let answer = reqwest::blocking::get(&self.figures).and_then(|answer| answer.text());
            let figures = answer.expect("the figures can be asked for");
            let name = "devices_pool_connections{state=\"in_use\"}";
            let in_use = figures.lines().find_map(|line| line.strip_prefix(name));
            let in_use = in_use.and_then(|value| value.trim().parse().ok());
            let in_use = in_use.expect("connections are counted");
            if in_use == 0 || Instant::now() > deadline {
                return in_use;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Without a warning.
    pub(crate) fn kill(&mut self) {
        // It may have ended before.
        drop(self.process.kill());
        drop(self.process.wait());
    }

    /// In good order; whether that is how it ended.
    pub(crate) fn stop(&mut self) -> bool {
        let command = format!("kill -TERM {}", self.process.id());
        let told = Command::new("sh").args(["-c", &command]).status();
        told.is_ok() && self.process.wait().is_ok_and(|status| status.success())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A workspace with a key; the key's secret.
pub(crate) fn prepare(url: &str) -> String {
    let run = |arguments: &str| {
        let ran = run_at(url, &arguments.split(' ').collect::<Vec<_>>());
        assert_eq!(ran.code, 0, "{ran:?}");
        ran
    };
    run("migrate");
    run("workspace create acme");
    let created = run("key create --json --workspace acme --scope WRITE --name chaos").json();
    let secret = created["secret"].as_str();
    secret.expect("a new key shows its secret").to_owned()
}

/// What a client was told.
#[derive(Debug, Clone)]
pub(crate) enum Told {
    /// It is stored; the devices' ids, and whether this was told before.
    Stored { ids: Vec<i64>, replayed: bool },
    /// It is refused, with this status.
    Refused(u16),
    /// Come again: nothing was stored.
    NothingStored,
    /// Come again: another one is at it, or it may have been stored.
    ComeAgain,
    /// Something that must not happen.
    Failed,
    /// Nothing.
    NoAnswer,
}

/// A client with one key.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::blocking::Client,
    secret: String,
}

impl Client {
    pub(crate) fn new(secret: &str) -> Self {
        let http = reqwest::blocking::Client::builder()
            .timeout(Duration::from_secs(30))
            .build();
        Self {
            http: http.expect("a client can be made"),
            secret: secret.to_owned(),
        }
    }

    /// Posts a body under an idempotency key.
    pub(crate) fn post(&self, address: &str, key: &str, body: &Value) -> Told {
        let request = self
            .http
            .post(format!("http://{address}/devices"))
            .bearer_auth(&self.secret)
            .header("Idempotency-Key", key)
            .json(body);
        let Ok(answer) = request.send() else {
            return Told::NoAnswer;
        };
        let status = answer.status().as_u16();
        let replayed = answer.headers().contains_key("idempotent-replayed");
        // An answer that was cut is none.
        let Ok(body) = answer.json::<Value>() else {
            return Told::NoAnswer;
        };
        match status {
            201 => Told::Stored {
                ids: ids(&body),
                replayed,
            },
            503 if body["message"].is_null() => Told::NothingStored,
            409 | 503 => Told::ComeAgain,
            500.. => Told::Failed,
            refused => Told::Refused(refused),
        }
    }
}

fn ids(body: &Value) -> Vec<i64> {
    let devices = body["data"]["devices"].as_array();
    let devices = devices.expect("a 201 shows the devices");
    devices
        .iter()
        .map(|device| device["id"].as_i64().expect("every device has an id"))
        .collect()
}
