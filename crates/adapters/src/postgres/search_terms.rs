//! How words are looked for in what devices and users are found by.

use devices_domain::Search;

use super::statement::{Statement, Value};

/// The parameters that stand for the words of a search.
pub(super) struct Terms(Vec<Term>);

struct Term {
    /// What finds the word's beginning, as an expression.
    query: String,
    /// The parameter of a pattern that finds it in a serial number.
    pattern: Option<String>,
}

/// Parts of serial numbers that are shorter have no trigram to be found by.
const SHORTEST_PART: usize = 3;

impl Terms {
    pub(super) fn of(search: &Search, statement: &mut Statement) -> Self {
        let terms = search.words().iter().map(|word| {
            let folded = word.folded();
            let is_long = folded.chars().count() >= SHORTEST_PART;
            Term {
                query: format!(
                    "search_query({})",
                    statement.value(Value::Text(word.as_str().to_owned()))
                ),
                pattern: is_long.then(|| statement.value(Value::Text(containing(folded)))),
            }
        });
        Self(terms.collect())
    }

    /// That every word is found in a row of `device_documents` called `found`, or in its user. `$1` is
    /// the workspace.
    pub(super) fn find_devices(&self) -> String {
        let each = self
            .0
            .iter()
            .enumerate()
            .map(|(number, Term { query, pattern })| {
                let in_serial_number = pattern.as_ref().map_or(String::new(), |pattern| {
                    format!(" OR found.serial_number_folded LIKE {pattern}")
                });
                format!(
                    "(found.document @@ {query}{in_serial_number} OR found.user_id = ANY (ARRAY( \
                    SELECT user_{number}.id FROM users AS user_{number} \
                    WHERE user_{number}.workspace_id = $1 AND user_{number}.document @@ {query})))"
                )
            });
        all(each)
    }

    /// That every word is found in a row of `users`.
    pub(super) fn find_users(&self) -> String {
        all(self
            .0
            .iter()
            .map(|term| format!("users.document @@ {}", term.query)))
    }

    /// How relevant a document is.
    pub(super) fn rank(&self, document: &str) -> String {
        let queries = self
            .0
            .iter()
            .map(|Term { query, .. }| format!("coalesce({query}, '')"));
        let any = queries.collect::<Vec<_>>().join(" || ");
        match any.is_empty() {
            true => "0::real".to_owned(),
            false => format!("ts_rank({document}, {any})"),
        }
    }
}

fn all(conditions: impl Iterator<Item = String>) -> String {
    let conditions = conditions.collect::<Vec<_>>().join(" AND ");
    match conditions.is_empty() {
        true => "false".to_owned(),
        false => conditions,
    }
}

/// A pattern of LIKE for everything that holds `text`.
fn containing(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.chars() {
        if ['%', '_', '\\'].contains(&character) {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}
