//! What a server must write nowhere: its clients' secrets and their devices' values.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard};

use serde_json::Value;

/// Of every test of this process.
static KNOWN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn known() -> MutexGuard<'static, BTreeSet<String>> {
    KNOWN.lock().expect("nobody panics with it")
}

/// Remembers a secret.
pub fn keep_secret(text: &str) {
    known().insert(text.to_owned());
}

/// Remembers the texts of a request. Short ones, and single words in lower case, could stand in a
/// log for reasons of their own.
pub fn keep_values(value: &Value) {
    match value {
        Value::String(text) => {
            let is_telling = |c: char| !c.is_ascii_lowercase() && c != '_';
            if text.len() >= 6 && text.contains(is_telling) {
                keep_secret(text);
            }
        }
        Value::Array(items) => items.iter().for_each(keep_values),
        Value::Object(members) => members.values().for_each(keep_values),
        _ => {}
    }
}

/// Panics where one of the texts is among what was written.
pub fn assert_tells_nothing(written: &str) {
    let told: Vec<_> = known()
        .iter()
        .filter(|text| written.contains(*text))
        .cloned()
        .collect();
    assert!(told.is_empty(), "{told:?} in {written}");
}
