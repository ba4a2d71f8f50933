//! Forms of pages.

use devices_tests::{Browser, Page, Response};

/// A form of a page, as a browser sends it.
pub(super) struct FilledForm {
    action: String,
    values: Vec<(String, String)>,
}

impl FilledForm {
    /// Takes the form with this action of a page.
    #[track_caller]
    pub(super) fn of(page: &Page, action: &str) -> Self {
        Self {
            action: action.to_owned(),
            values: page.form(action),
        }
    }

    /// Opens a page, and takes its form with this action.
    #[track_caller]
    pub(super) fn open(browser: &Browser, path: &str, action: &str) -> Self {
        Self::of(&browser.page(path), action)
    }

    /// Returns the form with other values in some of its controls.
    #[must_use]
    pub(super) fn with(&self, changes: &[(&str, &str)]) -> Self {
        let is_changed = |name: &String| changes.iter().any(|(changed, _)| changed == name);
        let kept = self.values.iter().filter(|(name, _)| !is_changed(name));
        let changes = changes.iter();
        let changes = changes.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self {
            action: self.action.clone(),
            values: kept.cloned().chain(changes).collect(),
        }
    }

    /// Sends the form.
    pub(super) fn send(&self, browser: &Browser) -> Response {
        let values = self.values.iter();
        // Browsers send line breaks as CR LF.
        let values: Vec<_> = values
            .map(|(name, value)| (name.as_str(), value.replace('\n', "\r\n")))
            .collect();
        let values: Vec<_> = values.iter().map(|(n, v)| (*n, v.as_str())).collect();
        browser.post(&self.action, &values)
    }

    /// Sends the form, and opens the page to which its response leads. Panics unless the response
    /// is a 303.
    #[track_caller]
    pub(super) fn send_and_follow(&self, browser: &Browser) -> Page {
        let response = self.send(browser);
        assert_eq!(response.status, 303, "{}: {response:?}", self.action);
        browser.page(response.header("location"))
    }
}
