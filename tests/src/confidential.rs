//! What a server must write nowhere: its clients' secrets and their devices' values.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

use serde_json::Value;

/// Of every test of this process.
#[derive(Default)]
struct Known {
    secrets: BTreeSet<String>,
    /// Which database the server at a port is on.
    databases: BTreeMap<u16, String>,
    /// What was sent to the servers on a database.
    values: BTreeMap<String, BTreeSet<String>>,
}

static KNOWN: Mutex<Known> = Mutex::new(Known {
    secrets: BTreeSet::new(),
    databases: BTreeMap::new(),
    values: BTreeMap::new(),
});

fn known() -> MutexGuard<'static, Known> {
    KNOWN.lock().expect("nobody panics with it")
}

/// Remembers which database a server is on.
pub(crate) fn know_server(port: u16, database: &str) {
    known().databases.insert(port, database.to_owned());
}

/// Remembers a secret.
pub(crate) fn keep_secret(text: &str) {
    known().secrets.insert(text.to_owned());
}

/// Remembers the texts of a request to the server at this port.
pub(crate) fn keep_values(port: u16, value: &Value) {
    let mut texts = BTreeSet::new();
    gather(value, &mut texts);
    let mut known = known();
    let database = known.databases.get(&port).cloned().unwrap_or_default();
    known.values.entry(database).or_default().append(&mut texts);
}

/// Short texts, dates and single words could be written for reasons of their own.
fn gather(value: &Value, texts: &mut BTreeSet<String>) {
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
                texts.insert(text.clone());
            }
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, texts)),
        Value::Object(members) => members.values().for_each(|member| gather(member, texts)),
        _ => {}
    }
}

/// What servers on a database must not tell: each text as it is, and as JSON has it.
pub(crate) struct Confidential(BTreeSet<String>);

impl Confidential {
    pub(crate) fn on(database: &str) -> Self {
        let known = known();
        let values = known.values.get(database).into_iter().flatten();
        let plain = known.secrets.iter().chain(values);
        let forms = plain.flat_map(|text| {
            let json = Value::from(text.as_str()).to_string();
            [text.clone(), json.trim_matches('"').to_owned()]
        });
        Self(forms.collect())
    }

    pub(crate) fn of_server(port: u16) -> Self {
        let database = known().databases.get(&port).cloned();
        Self::on(&database.unwrap_or_default())
    }

    /// Panics where one of the texts is among what was written.
    pub(crate) fn assert_untold(&self, written: &str) {
        let told = self.0.iter().find(|text| written.contains(text.as_str()));
        assert!(told.is_none(), "{told:?} in {written}");
    }
}
