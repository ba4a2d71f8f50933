//! SQL of a full-text search in devices and users.

use devices_domain::Search;

use crate::postgres::query::statement::{Statement, Value};

/// The terms of a search, as SQL expressions on bind parameters.
pub(crate) struct SearchSql(Vec<TermSql>);

/// One term of a search: text without white space.
struct TermSql {
    /// Expressions of type `tsquery`, one per word, that match the beginning of a word.
    words: Vec<String>,
    /// Parameter with the LIKE pattern that finds the term in a serial number.
    pattern: Option<String>,
}

/// Minimum length of a term that is searched in serial numbers. The trigram index cannot find
/// shorter ones.
const MIN_PATTERN_LENGTH: usize = 3;

impl SearchSql {
    /// Binds the terms of `search` to `statement`.
    pub(crate) fn new(search: &Search, statement: &mut Statement) -> Self {
        // Documents that PostgreSQL builds contain no symbols.
        let terms = search
            .terms()
            .iter()
            .filter(|term| !term.words().is_empty());
        let terms = terms.map(|term| {
            let words = term.words().iter().map(|word| {
                let word = statement.bind(Value::Text(word.clone()));
                format!("search_query({word})")
            });
            let words = words.collect();
            let folded = term.folded();
            let is_long = folded.chars().count() >= MIN_PATTERN_LENGTH;
            let pattern = is_long.then(|| statement.bind(Value::Text(contains_pattern(folded))));
            TermSql { words, pattern }
        });
        Self(terms.collect())
    }

    /// Returns the condition that each term matches a row of `device_documents` with the alias
    /// `found`, or its user, who may be deleted if the device is archived. Requires that `$1` is
    /// the workspace.
    pub(crate) fn device_condition(&self) -> String {
        let mut number = 0;
        let terms = self.0.iter().map(|TermSql { words, pattern }| {
            let words = words.iter().map(|word| {
                number += 1;
                format!(
                    "(found.document @@ {word} OR found.user_id = ANY (ARRAY( \
                        SELECT user_{number}.id FROM users AS user_{number} \
                        WHERE user_{number}.workspace_id = $1 AND user_{number}.document @@ {word})))"
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
        all(terms)
    }

    /// Returns the condition that all words match a row of `users`.
    pub(crate) fn user_condition(&self) -> String {
        all(self.words().map(|word| format!("users.document @@ {word}")))
    }

    /// Returns the expression for the relevance of a document, of type `real`.
    pub(crate) fn rank(&self, document: &str) -> String {
        let words = self.words().map(|word| format!("coalesce({word}, '')"));
        let any_word = words.collect::<Vec<_>>().join(" || ");
        if any_word.is_empty() {
            "0::real".to_owned()
        } else {
            format!("ts_rank({document}, {any_word})")
        }
    }

    fn words(&self) -> impl Iterator<Item = &String> {
        self.0.iter().flat_map(|term| &term.words)
    }
}

/// Joins conditions with AND. Without any condition, nothing is found.
fn all(conditions: impl Iterator<Item = String>) -> String {
    let conditions = conditions.collect::<Vec<_>>().join(" AND ");
    if conditions.is_empty() {
        "false".to_owned()
    } else {
        conditions
    }
}

/// Returns the LIKE pattern that matches every value that contains `text`.
fn contains_pattern(text: &str) -> String {
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
