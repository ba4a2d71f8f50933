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
pub(crate) fn keep_secret(text: &str) {
    known().insert(text.to_owned());
}

/// Remembers the texts of a request. Short ones, dates and single words could be written for reasons
/// of their own.
pub(crate) fn keep_values(value: &Value) {
    match value {
        Value::String(text) => {
            let is_of_a_date = |c: char| c.is_ascii_digit() || "-:.TZ".contains(c);
            let is_of_a_word = |c: char| c.is_ascii_lowercase() || c == '_';
            let is_of_a_choice = |c: char| c.is_ascii_uppercase() || c == '_';
            let all = |is: &dyn Fn(char) -> bool| text.chars().all(is);
            if text.len() >= 5
                && !all(&is_of_a_date)
                && !all(&is_of_a_word)
                && !all(&is_of_a_choice)
            {
                keep_secret(text);
            }
        }
        Value::Array(items) => items.iter().for_each(keep_values),
        Value::Object(members) => members.values().for_each(keep_values),
        _ => {}
    }
}

/// Panics where one of the texts is among what was written, as it is or as JSON has it.
pub(crate) fn assert_tells_nothing(written: &str) {
    let is_told = |text: &String| {
        let json = Value::from(text.as_str()).to_string();
        written.contains(text) || written.contains(json.trim_matches('"'))
    };
    let told: Vec<_> = known()
        .iter()
        .filter(|text| is_told(text))
        .cloned()
        .collect();
    assert!(told.is_empty(), "{told:?} in {written}");
}
