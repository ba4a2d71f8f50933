//! Tests of the console in a real browser: Chromium, driven through `WebDriver`.
//!
//! Run with `make test-browser`. `SCREENSHOTS=DIRECTORY` also writes a picture of every page that
//! is checked. `UPDATE_SNAPSHOTS=1` writes the accessibility trees instead of comparing them.

mod accessibility;
mod browser;
mod checks;
mod driver;
mod pictures;
mod sign_in;
mod states;
mod walks;
