//! How words are looked for in what devices and users are found by.

use devices_domain::Search;

use crate::postgres::query::statement::{Statement, Value};

/// The parameters that stand for what is searched for.
pub(crate) struct Terms(Vec<Term>);

/// What is searched for between white space.
struct Term {
    /// Expressions for what finds the beginning of each of its words.
    words: Vec<String>,
    /// The parameter of a pattern that finds all of it in a serial number.
    pattern: Option<String>,
}

/// Parts of serial numbers that are shorter have no trigram to be found by.
const SHORTEST_PART: usize = 3;

impl Terms {
    pub(crate) fn of(search: &Search, statement: &mut Statement) -> Self {
        let terms = search.pieces().iter().map(|piece| {
            let words = piece.words().iter().map(|word| {
                let word = statement.value(Value::Text(word.clone()));
                format!("search_query({word})")
            });
            let words = words.collect();
            let folded = piece.folded();
            let is_long = folded.chars().count() >= SHORTEST_PART;
            let pattern = is_long.then(|| statement.value(Value::Text(containing(folded))));
            Term { words, pattern }
        });
        Self(terms.collect())
    }

    /// That all is found in a row of `device_documents` called `found`, or in its user. `$1` is the
    /// workspace.
    pub(crate) fn find_devices(&self) -> String {
        let mut users = 0;
        let each = self.0.iter().map(|Term { words, pattern }| {
            let words = words.iter().map(|word| {
                users += 1;
                format!(
                    "(found.document @@ {word} OR found.user_id = ANY (ARRAY( \
                        SELECT user_{users}.id FROM users AS user_{users} \
                        WHERE user_{users}.workspace_id = $1 AND user_{users}.document @@ {word} \
                          AND user_{users}.deleted_at IS NULL)))"
                )
            });
            let words = all(words);
            match pattern {
                None => words,
                Some(pattern) => {
                    format!("(found.serial_number_folded LIKE {pattern} OR ({words}))")
                }
            }
        });
        all(each)
    }

    /// That every word is found in a row of `users`.
    pub(crate) fn find_users(&self) -> String {
        all(self.words().map(|word| format!("users.document @@ {word}")))
    }

    /// How relevant a document is.
    pub(crate) fn rank(&self, document: &str) -> String {
        let words = self.words().map(|word| format!("coalesce({word}, '')"));
        let any = words.collect::<Vec<_>>().join(" || ");
        match any.is_empty() {
            true => "0::real".to_owned(),
            false => format!("ts_rank({document}, {any})"),
        }
    }

    fn words(&self) -> impl Iterator<Item = &String> {
        self.0.iter().flat_map(|term| &term.words)
    }
}

/// That every condition holds; where there is none, nothing is found.
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
