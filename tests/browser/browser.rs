//! A browser window, as a user uses it: by labels, link texts and button texts.

mod gestures;

use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

use devices_tests::TIMEOUT;
use fantoccini::error::CmdError;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator, elements::Element};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use url::{ParseError, Url};

use crate::driver::Driver;

/// Size, colour scheme and script setting of a browser.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) width: u32,
    pub(crate) is_dark: bool,
    pub(crate) has_javascript: bool,
}

impl Default for View {
    fn default() -> Self {
        Self {
            width: 1280,
            is_dark: false,
            has_javascript: true,
        }
    }
}

/// A browser with one window and no cookies. Closed when dropped.
pub(crate) struct Browser {
    client: Client,
    runtime: Runtime,
    base: String,
    /// Failed checks. Reported when the browser is closed, so that one run shows all.
    problems: RefCell<Vec<String>>,
    // Dropped last.
    _driver: Driver,
}

impl Browser {
    /// Opens a browser for the server at this address (host and port).
    pub(crate) fn open(address: &str) -> Self {
        Self::open_with(address, View::default())
    }

    pub(crate) fn open_with(address: &str, view: View) -> Self {
        let driver = Driver::start();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime can be built");
        let options = json!({
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     "--lang=en-GB", "--force-prefers-reduced-motion"],
        });
        let capabilities = json!({
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let Value::Object(capabilities) = capabilities else {
            unreachable!("it is an object");
        };
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities);
        let client = runtime
            .block_on(builder.connect(&driver.url()))
            .expect("chromedriver starts Chromium");
        let browser = Self {
            client,
            runtime,
            base: format!("http://{address}"),
            problems: RefCell::default(),
            _driver: driver,
        };
        browser.set_view(view);
        browser
    }

    /// Changes the size and the colours of the window, and whether scripts run.
    pub(crate) fn set_view(&self, view: View) {
        let View {
            width,
            is_dark,
            has_javascript,
        } = view;
        let metrics = json!({
            "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics);
        let scheme = if is_dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", media);
        self.devtools(
            "Emulation.setTimezoneOverride",
            json!({ "timezoneId": "Europe/Paris" }),
        );
        self.devtools(
            "Emulation.setScriptExecutionDisabled",
            json!({ "value": !has_javascript }),
        );
    }

    /// Makes the timers of the next pages this many times as fast.
    pub(crate) fn speed_up(&self, factor: u32) {
        let source = format!(
            "const start = window.setTimeout; \
             window.setTimeout = (run, delay, ...rest) => start(run, delay / {factor}, ...rest);"
        );
        let script = json!({ "source": source });
        self.devtools("Page.addScriptToEvaluateOnNewDocument", script);
    }

    /// Saves downloads in this directory.
    pub(crate) fn save_downloads_in(&self, directory: &str) {
        let behavior = json!({ "behavior": "allow", "downloadPath": directory });
        self.devtools("Browser.setDownloadBehavior", behavior);
    }

    /// Opens a path of the server.
    pub(crate) fn visit(&self, path: &str) {
        let url = format!("{}{path}", self.base);
        self.run(self.client.goto(&url));
    }

    /// Signs in with a key.
    pub(crate) fn sign_in(&self, key: &str) {
        self.visit("/ui/users");
        self.fill("API key", key);
        self.press("Sign in");
        self.wait_for_text("Sign out");
    }

    /// Path and query of the page.
    pub(crate) fn path(&self) -> String {
        let url = self.run(self.client.current_url());
        let query = url.query().map(|query| format!("?{query}"));
        format!("{}{}", url.path(), query.unwrap_or_default())
    }

    /// Visible text of the page.
    pub(crate) fn text(&self) -> String {
        let body = self.find("body");
        self.run(body.text())
    }

    pub(crate) fn back(&self) {
        self.run(self.client.back());
    }

    pub(crate) fn forward(&self) {
        self.run(self.client.forward());
    }

    pub(crate) fn reload(&self) {
        self.run(self.client.refresh());
    }

    /// Waits for the first element that matches a CSS selector.
    pub(crate) fn find(&self, css: &str) -> Element {
        self.wait_for(Locator::Css(css))
    }

    /// Counts the elements that match a CSS selector.
    pub(crate) fn count(&self, css: &str) -> usize {
        self.run(self.client.find_all(Locator::Css(css))).len()
    }

    /// Waits until the page contains a text.
    pub(crate) fn wait_for_text(&self, text: &str) {
        let path = format!("//body[contains(normalize-space(.), {})]", quoted(text));
        self.wait_for(Locator::XPath(&path));
    }

    /// Waits until the page has a row of a table with these texts.
    pub(crate) fn wait_for_row(&self, texts: &[&str]) {
        let texts = texts.iter();
        let conditions =
            texts.map(|text| format!("[contains(normalize-space(.), {})]", quoted(text)));
        let path = format!("//tr{}", conditions.collect::<String>());
        self.wait_for(Locator::XPath(&path));
    }

    /// Clicks the link with this text.
    pub(crate) fn follow(&self, text: &str) {
        self.click(&format!("//a[normalize-space(.)={}]", quoted(text)));
    }

    /// Clicks the button with this text.
    pub(crate) fn press(&self, text: &str) {
        self.click(&button(text));
    }

    /// Clicks the button whose text begins with this one.
    pub(crate) fn press_beginning(&self, text: &str) {
        let text = quoted(text);
        self.click(&format!(
            "//button[starts-with(normalize-space(.), {text})]"
        ));
    }

    fn click(&self, path: &str) {
        let element = self.wait_for(Locator::XPath(path));
        self.run(element.click());
    }

    /// Replaces the text of the control with this label.
    pub(crate) fn fill(&self, label: &str, text: &str) {
        let control = self.labelled(label);
        self.run(control.clear());
        self.run(control.send_keys(text));
    }

    /// Chooses the option with this text in the list with this label.
    pub(crate) fn choose(&self, label: &str, option: &str) {
        let list = self.labelled(label);
        self.run(list.select_by_label(option));
    }

    /// Clicks the check box or the radio button with this label.
    pub(crate) fn tick(&self, label: &str) {
        let control = self.labelled(label);
        self.run(control.click());
    }

    /// Chooses a file in the control with this label.
    pub(crate) fn choose_file(&self, label: &str, file: &Path) {
        let control = self.labelled(label);
        // Chromium rejects paths with `..`.
        let file = file.canonicalize().expect("the file exists");
        let file = file.to_str().expect("a path of a test is UTF-8");
        self.run(control.send_keys(file));
    }

    /// Value of the control with this label.
    pub(crate) fn value(&self, label: &str) -> String {
        let control = self.labelled(label);
        self.run(control.prop("value")).unwrap_or_default()
    }

    /// Waits for the control whose label, or `aria-label`, begins with a text.
    pub(crate) fn labelled(&self, label: &str) -> Element {
        let text = quoted(label);
        let path = format!(
            "//*[@id=//label[starts-with(normalize-space(.), {text})]/@for] \
             | //label[starts-with(normalize-space(.), {text})]//input | //*[@aria-label={text}]"
        );
        self.wait_for(Locator::XPath(&path))
    }

    fn wait_for(&self, locator: Locator<'_>) -> Element {
        let wait = self.client.wait().at_most(TIMEOUT);
        let wait = wait.every(Duration::from_millis(20));
        let found = self.runtime.block_on(wait.for_element(locator));
        found.unwrap_or_else(|error| {
            panic!(
                "{locator:?}: {error}\n{}\n{}",
                self.path(),
                self.source_text()
            )
        })
    }

    fn source_text(&self) -> String {
        self.runtime
            .block_on(self.client.source())
            .unwrap_or_default()
    }

    /// Records a problem of the page unless a condition is true.
    pub(crate) fn expect(&self, condition: bool, problem: impl FnOnce() -> String) {
        if !condition {
            self.problems.borrow_mut().push(problem());
        }
    }

    /// Runs a script, and returns its result.
    pub(crate) fn execute(&self, script: &str) -> Value {
        self.run(self.client.execute(script, Vec::new()))
    }

    /// Sends a command of the Chrome `DevTools` protocol.
    pub(crate) fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        self.vendor_command("goog/cdp/execute", body)
    }

    /// Returns the messages on the console of the browser since the last call, among them
    /// violations of the content security policy.
    pub(crate) fn console_messages(&self) -> Vec<Value> {
        let log = self.vendor_command("se/log", json!({ "type": "browser" }));
        log.as_array().cloned().unwrap_or_default()
    }

    /// Runs a script that calls its last argument with its result.
    pub(crate) fn execute_async(&self, script: &str) -> Value {
        self.run(self.client.execute_async(script, Vec::new()))
    }

    fn vendor_command(&self, path: &'static str, body: Value) -> Value {
        self.run(self.client.issue_cmd(VendorCommand { path, body }))
    }

    fn run<T>(&self, command: impl Future<Output = Result<T, CmdError>>) -> T {
        let result = self.runtime.block_on(command);
        result.unwrap_or_else(|error| panic!("the browser rejected a command: {error}"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // A failure does not matter: dropping the driver kills the browser.
        self.runtime.block_on(self.client.clone().close()).ok();
        let problems = self.problems.take();
        let is_reported = problems.is_empty() || std::thread::panicking();
        assert!(is_reported, "{}", problems.join("\n"));
    }
}

fn button(text: &str) -> String {
    format!("//button[normalize-space(.)={}]", quoted(text))
}

/// Returns a text as a literal of `XPath`.
fn quoted(text: &str) -> String {
    if text.contains('\'') {
        format!("\"{text}\"")
    } else {
        format!("'{text}'")
    }
}

/// A command of chromedriver that is not part of `WebDriver`.
#[derive(Debug)]
struct VendorCommand {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for VendorCommand {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        let session = session.unwrap_or_default();
        base.join(&format!("session/{session}/{}", self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}
