//! Checks of the page that a browser shows.

use std::path::Path;
use std::time::Instant;

use devices_tests::TIMEOUT;
use serde_json::json;

use crate::accessibility;
use crate::browser::{Browser, View};

/// Width of a narrow phone, and of the layout of 1280 pixels at a zoom of 400 %.
const NARROW: u32 = 320;

impl Browser {
    /// Checks a page: it breaks no rule of axe and no content security policy, loads nothing from
    /// other hosts, causes no layout shift, does not scroll sideways, and has the accessibility
    /// tree of the snapshot with this name. Takes a picture if `SCREENSHOTS` is set.
    pub(crate) fn check(&self, name: &str) {
        self.check_loading(name);
        self.check_view(name);
        self.check_tree(name);
    }

    /// Checks a page as [`check`](Self::check) does, and its other views: dark colours, and a
    /// narrow window in both schemes.
    pub(crate) fn check_views(&self, name: &str) {
        self.check(name);
        let views = [
            ("dark", 1280, true),
            ("narrow", NARROW, false),
            ("narrow-dark", NARROW, true),
        ];
        for (view, width, is_dark) in views {
            self.set_view(View {
                width,
                is_dark,
                ..View::default()
            });
            self.check_view(&format!("{name}-{view}"));
        }
        self.set_view(View::default());
    }

    /// Checks that the page has the accessibility tree of the snapshot with this name.
    fn check_tree(&self, name: &str) {
        let result = accessibility::compare(name, &self.tree());
        self.expect(result.is_ok(), || result.err().unwrap_or_default());
    }

    /// Returns the accessibility tree of the page as text.
    pub(crate) fn tree(&self) -> String {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let nodes = self.devtools("Accessibility.getFullAXTree", json!({}));
            let tree = accessibility::tree(&nodes);
            // Chromium builds the tree some time after it has loaded the page.
            if tree.lines().count() > 1 {
                return tree;
            }
            assert!(Instant::now() < deadline, "the page has no content: {tree}");
        }
    }

    /// Checks how the page was loaded.
    fn check_loading(&self, name: &str) {
        // A shift just after a click or a key is expected. The script of the import replaces the
        // body as a navigation does, and nodes of the page before are gone.
        const SHIFTS: &str = "\
            const done = arguments[arguments.length - 1]; \
            const shifts = []; \
            const isPage = ({ node }) => !node || node.parentElement === document.body; \
            const observer = new PerformanceObserver((list) => shifts.push(...list.getEntries())); \
            observer.observe({ type: 'layout-shift', buffered: true }); \
            requestAnimationFrame(() => setTimeout(() => done(shifts \
                .filter((shift) => !shift.hadRecentInput && !shift.sources.every(isPage)) \
                .map((shift) => [shift.value, \
                    ...shift.sources.map((source) => source.node?.parentElement?.outerHTML)])), 0));";
        const OTHER_HOSTS: &str = "\
            return performance.getEntriesByType('resource').map((entry) => entry.name) \
                .filter((url) => new URL(url).origin !== location.origin);";
        let shifts = self.execute_async(SHIFTS);
        self.expect(shifts == json!([]), || {
            format!("{name}: the layout shifts: {shifts}")
        });
        let urls = self.execute(OTHER_HOSTS);
        self.expect(urls == json!([]), || format!("{name}: other hosts: {urls}"));
        let mut messages = self.console_messages();
        // Chromium also reports the status of error pages, and advice.
        messages
            .retain(|message| message["source"] == "security" || message["source"] == "javascript");
        self.expect(messages.is_empty(), || format!("{name}: {messages:?}"));
    }

    /// Checks how the page looks in the current view.
    fn check_view(&self, name: &str) {
        const PAGE: &str = "\
            const page = document.documentElement; \
            return [Math.max(page.scrollWidth, innerWidth), page.scrollHeight];";
        self.write_picture(name, PAGE);
        let excess = "return document.documentElement.scrollWidth - innerWidth;";
        let excess = self.execute(excess).as_f64();
        self.expect(excess <= Some(0.0), || {
            format!("{name}: {excess:?} pixels too wide")
        });
        let violations = self.axe_violations();
        self.expect(violations.is_empty(), || {
            format!("{name}: {}", violations.join("\n"))
        });
    }

    /// Writes a picture of the window if `SCREENSHOTS` is set.
    pub(crate) fn picture(&self, name: &str) {
        const WINDOW: &str = "return [innerWidth, innerHeight];";
        self.write_picture(name, WINDOW);
    }

    fn axe_violations(&self) -> Vec<String> {
        const AXE: &str = include_str!("axe/axe.min.js");
        const RUN: &str = "const done = arguments[arguments.length - 1]; \
            axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', \
            'best-practice'] }).then(done, (error) => done({ error: String(error) }));";
        self.execute(AXE);
        let result = self.execute_async(RUN);
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

    /// Writes a picture if `SCREENSHOTS` is set. The script returns its width and its height.
    fn write_picture(&self, name: &str, size: &str) {
        let Some(directory) = std::env::var_os("SCREENSHOTS") else {
            return;
        };
        let size = self.execute(size);
        let clip = json!({ "x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1 });
        let parameters = json!({ "captureBeyondViewport": true, "clip": clip });
        let picture = self.devtools("Page.captureScreenshot", parameters);
        let data = picture["data"].as_str().expect("a picture has data");
        // Tests run in the directory of their package.
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let path = root.join(directory).join(format!("{name}.png"));
        let directory = path.parent().expect("a file is in a directory");
        std::fs::create_dir_all(directory).expect("the directory can be created");
        std::fs::write(path, decode_base64(data)).expect("the picture can be written");
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
