//! The `WebDriver` server of Chromium.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A chromedriver on a port of its own. Killed when dropped, with its browser.
pub(crate) struct Driver {
    process: Child,
    port: u16,
    /// Keeps the pipe open: chromedriver could end if it cannot write. It writes little.
    _output: BufReader<ChildStdout>,
}

/// Number of attempts to start chromedriver.
const ATTEMPTS: usize = 5;

impl Driver {
    /// Starts chromedriver. It chooses a free port before it listens there: if another one takes
    /// the port meanwhile, it ends, and is started again.
    pub(crate) fn start() -> Self {
        let mut attempts = std::iter::repeat_with(Self::try_start).take(ATTEMPTS);
        let driver = attempts.find_map(|driver| driver);
        driver.expect("chromedriver prints its port")
    }

    fn try_start() -> Option<Self> {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "chromedriver cannot be run ({error}): install chromium and chromium-driver, \
                     or run `make test-browser`, which does"
                )
            });
        let output = process.stdout.take().expect("stdout is piped");
        let mut output = BufReader::new(output);
        let mut lines = output.by_ref().lines().map_while(Result::ok);
        let port = lines.find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse().ok()
        });
        let mut driver = Self {
            process,
            port: 0,
            _output: output,
        };
        driver.port = port?;
        Some(driver)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It may have ended.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
