//! A browser window, as a user uses it: by labels, link texts and button texts.

mod gestures;

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

use crate::accessibility;
use crate::driver::Driver;

/// How a browser shows pages.
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
        let capabilities = json!({ "goog:chromeOptions": options });
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

    /// Opens a path of the server.
    pub(crate) fn visit(&self, path: &str) {
        let url = format!("{}{path}", self.base);
        self.run(self.client.goto(&url));
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

    /// Runs a script, and returns its result.
    pub(crate) fn execute(&self, script: &str) -> Value {
        self.run(self.client.execute(script, Vec::new()))
    }

    /// Checks a page: it breaks no rule of axe, causes no layout shift, and has the accessibility
    /// tree of the snapshot with this name. Takes a picture if `SCREENSHOTS` is set.
    pub(crate) fn check(&self, name: &str) {
        if let Some(directory) = std::env::var_os("SCREENSHOTS") {
            let path = Path::new(&directory).join(format!("{name}.png"));
            std::fs::write(path, self.screenshot()).expect("the picture can be written");
        }
        let violations = self.axe_violations();
        assert!(violations.is_empty(), "{name}: {}", violations.join("\n"));
        let nodes = self.devtools("Accessibility.getFullAXTree", json!({}));
        accessibility::compare(name, &accessibility::tree(&nodes));
    }

    fn axe_violations(&self) -> Vec<String> {
        const AXE: &str = include_str!("axe/axe.min.js");
        const RUN: &str = "const done = arguments[arguments.length - 1]; \
            axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', \
            'best-practice'] }).then(done, (error) => done({ error: String(error) }));";
        self.run(self.client.execute(AXE, Vec::new()));
        let result = self.run(self.client.execute_async(RUN, Vec::new()));
        let violations = result["violations"].as_array();
        let violations = violations.unwrap_or_else(|| panic!("axe failed: {result}"));
        let described = violations.iter().map(|violation| {
            let nodes = violation["nodes"].as_array().into_iter().flatten();
            let nodes: Vec<_> = nodes
                .map(|node| format!("  {}: {}", node["html"], node["failureSummary"]))
                .collect();
            format!(
                "{}: {}\n{}",
                violation["id"],
                violation["help"],
                nodes.join("\n")
            )
        });
        described.collect()
    }

    fn screenshot(&self) -> Vec<u8> {
        // Includes what is below the window.
        let size = self
            .execute("const e = document.documentElement; return [e.scrollWidth, e.scrollHeight];");
        let clip = json!({ "x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1 });
        let parameters = json!({ "captureBeyondViewport": true, "clip": clip });
        let picture = self.devtools("Page.captureScreenshot", parameters);
        let data = picture["data"].as_str().expect("a picture has data");
        decode_base64(data)
    }

    /// Sends a command of the Chrome DevTools protocol.
    pub(crate) fn devtools(&self, command: &str, parameters: Value) -> Value {
        let command = DevtoolsCommand {
            body: json!({ "cmd": command, "params": parameters }),
        };
        self.run(self.client.issue_cmd(command))
    }

    fn run<T>(&self, command: impl Future<Output = Result<T, CmdError>>) -> T {
        let result = self.runtime.block_on(command);
        result.unwrap_or_else(|error| panic!("the browser rejected a command: {error}"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // A failure does not matter: dropping the driver kills the browser.
        let _ = self.runtime.block_on(self.client.clone().close());
    }
}

fn button(text: &str) -> String {
    format!("//button[normalize-space(.)={}]", quoted(text))
}

/// Returns a text as a literal of XPath.
fn quoted(text: &str) -> String {
    if text.contains('\'') {
        format!("\"{text}\"")
    } else {
        format!("'{text}'")
    }
}

fn decode_base64(text: &str) -> Vec<u8> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| *byte != b'=')
        .map(value)
        .collect();
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    for group in digits.chunks(4) {
        let bits = group
            .iter()
            .fold(0u32, |bits, digit| bits << 6 | u32::from(*digit));
        let bits = bits << (6 * (4 - group.len()));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    bytes
}

#[derive(Debug)]
struct DevtoolsCommand {
    body: Value,
}

impl WebDriverCompatibleCommand for DevtoolsCommand {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!(
            "session/{}/goog/cdp/execute",
            session.unwrap_or_default()
        ))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}
