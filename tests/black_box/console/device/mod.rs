//! The pages of a device, and the forms that change it.

mod archive;
mod assign;
mod create;
mod edit;
mod pages;

use devices_tests::{Api, Browser, Page, Response, complete_device};
use serde_json::{Value, json};

/// A form of a page, as a browser sends it.
struct FilledForm {
    action: String,
    values: Vec<(String, String)>,
}

impl FilledForm {
    #[track_caller]
    fn of(page: &Page, action: &str) -> Self {
        Self {
            action: action.to_owned(),
            values: page.form(action),
        }
    }

    /// Sets the values of controls.
    #[must_use]
    fn with(mut self, values: &[(&str, &str)]) -> Self {
        for (name, value) in values {
            self.values.retain(|(given, _)| given != name);
            self.values.push(((*name).to_owned(), (*value).to_owned()));
        }
        self
    }

    fn send(&self, browser: &Browser) -> Response {
        let values = self.values.iter();
        // Browsers send line breaks as CR LF.
        let values: Vec<_> = values
            .map(|(name, value)| (name.as_str(), value.replace('\n', "\r\n")))
            .collect();
        let values: Vec<_> = values.iter().map(|(n, v)| (*n, v.as_str())).collect();
        browser.post(&self.action, &values)
    }
}

/// Texts that a form must not change: line breaks, colons, quotes and blank lines.
fn delicate_fields() -> Value {
    complete_device(json!({
        "comment": "first\n\n\tsecond: \"x\"", "tags": ["loan", "a: b"],
        "attributes": {"MAC:eth0": "aa:bb", "Room": "12"}, "has_webcam": false,
    }))
}

fn stored(api: &Api, id: i64) -> Value {
    api.get_json(&format!("/devices/{id}"))["data"].clone()
}

fn path(id: i64) -> String {
    format!("/ui/devices/{id}")
}
