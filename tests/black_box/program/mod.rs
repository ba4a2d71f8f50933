//! The program `devices` against the real server.

mod client;
mod export;
mod failures;
mod generated;
mod import;
mod list;
mod login;
mod server_kills;
mod terminal;
mod undo;

use std::path::Path;

/// Asserts that no file below a directory contains a text.
fn assert_no_file_contains(directory: &Path, text: &str) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_no_file_contains(&path, text);
        } else {
            let content = std::fs::read(&path).unwrap();
            let content = String::from_utf8_lossy(&content);
            assert!(!content.contains(text), "{}", path.display());
        }
    }
}
