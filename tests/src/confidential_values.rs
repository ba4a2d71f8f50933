//! Values that a server must not log or report: API keys and the values of its devices.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

use serde_json::Value;

/// Values of all tests in this process.
#[derive(Default)]
struct Recorded {
    secrets: BTreeSet<String>,
    /// Database of the server, by port.
    databases: BTreeMap<u16, String>,
    /// Texts that were sent to the servers of a database, by database.
    values: BTreeMap<String, BTreeSet<String>>,
}

static RECORDED: Mutex<Recorded> = Mutex::new(Recorded {
    secrets: BTreeSet::new(),
    databases: BTreeMap::new(),
    values: BTreeMap::new(),
});

fn recorded() -> MutexGuard<'static, Recorded> {
    RECORDED.lock().expect("no thread panics with the lock")
}

/// Registers the database of the server that listens on `port`.
pub(crate) fn register_server(port: u16, database: &str) {
    recorded().databases.insert(port, database.to_owned());
}

/// Records the secret of an API key.
pub(crate) fn record_secret(secret: &str) {
    recorded().secrets.insert(secret.to_owned());
}

/// Records the texts of a request to the server that listens on `port`.
pub(crate) fn record_values(port: u16, value: &Value) {
    let mut texts = BTreeSet::new();
    collect_texts(value, &mut texts);
    let mut recorded = recorded();
    let database = recorded.databases.get(&port).cloned().unwrap_or_default();
    recorded
        .values
        .entry(database)
        .or_default()
        .append(&mut texts);
}

/// Collects the texts of a JSON value. Skips short texts, dates, single words and enumeration
/// values: a server may log the same text for another reason.
fn collect_texts(value: &Value, texts: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            let is_date_char = |c: char| c.is_ascii_digit() || "-:.TZ".contains(c);
            let is_word_char = |c: char| c.is_ascii_lowercase() || c == '_';
            let is_enum_char = |c: char| c.is_ascii_uppercase() || c == '_';
            let consists_of = |matches: &dyn Fn(char) -> bool| text.chars().all(matches);
            if text.len() >= 5
                && !consists_of(&is_date_char)
                && !consists_of(&is_word_char)
                && !consists_of(&is_enum_char)
            {
                texts.insert(text.clone());
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_texts(item, texts)),
        Value::Object(members) => members
            .values()
            .for_each(|member| collect_texts(member, texts)),
        _ => {}
    }
}

/// Values that the servers of a database must not reveal, each as plain text and as escaped in
/// JSON.
pub(crate) struct ConfidentialValues(BTreeSet<String>);

impl ConfidentialValues {
    /// Returns all secrets, and the values that were sent to the servers of this database.
    pub(crate) fn for_database(database: &str) -> Self {
        let recorded = recorded();
        let values = recorded.values.get(database).into_iter().flatten();
        let plain = recorded.secrets.iter().chain(values);
        let forms = plain.flat_map(|text| {
            let json = Value::from(text.as_str()).to_string();
            [text.clone(), json.trim_matches('"').to_owned()]
        });
        Self(forms.collect())
    }

    /// Returns the values for the database of the server that listens on `port`.
    pub(crate) fn for_server(port: u16) -> Self {
        let database = recorded().databases.get(&port).cloned();
        Self::for_database(&database.unwrap_or_default())
    }

    /// Panics if `output` contains one of the values.
    pub(crate) fn assert_absent_from(&self, output: &str) {
        let leaked = self.0.iter().find(|text| output.contains(text.as_str()));
        assert!(leaked.is_none(), "{leaked:?} in {output}");
    }
}
