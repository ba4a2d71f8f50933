//! SQL of a full-text search in devices and users.
//!
//! The domain splits queries and documents into folded lexemes. PostgreSQL only compares them: no
//! statement uses its parser, its dictionaries or its locale.

use devices_domain::{Search, SearchTerm, SearchWord};

use crate::postgres::query::statement::{Statement, Value};

/// The terms of a search, as SQL expressions on bind parameters.
pub(crate) struct SearchSql {
    terms: Vec<TermSql>,
    /// Expression of type `tsquery` that matches any lexeme of the search.
    any_lexeme: String,
}

/// One term of a search.
struct TermSql {
    /// Expressions of type `tsquery`, one per word.
    words: Vec<String>,
    /// Parameter with the LIKE pattern that finds the term in identifiers.
    pattern: Option<String>,
}

impl SearchSql {
    /// Binds the terms of `search` to `statement`.
    pub(crate) fn new(search: &Search, statement: &mut Statement) -> Self {
        let terms = search.terms();
        let lexemes = terms
            .iter()
            .flat_map(SearchTerm::words)
            .flat_map(SearchWord::lexemes);
        Self {
            terms: terms
                .iter()
                .map(|term| TermSql::new(term, statement))
                .collect(),
            any_lexeme: tsquery(lexemes, " | ", statement),
        }
    }

    /// Returns the condition that each term matches a row of `searchable_devices` with the alias
    /// `found`, or its user, who may be deleted if the device is archived. Requires that `$1` is
    /// the workspace.
    pub(crate) fn device_condition(&self) -> String {
        let mut number = 0;
        let terms = self.terms.iter().map(|TermSql { words, pattern }| {
            let words = words.iter().map(|word| {
                number += 1;
                format!(
                    "(found.document @@ {word} OR found.user_id = ANY (ARRAY( \
                        SELECT user_{number}.id FROM users AS user_{number} \
                        WHERE user_{number}.workspace_id = $1 \
                          AND user_{number}.search_document @@ {word})))"
                )
            });
            let words = all(words);
            match pattern {
                None => words,
                Some(pattern) => format!("(found.identifiers LIKE {pattern} OR ({words}))"),
            }
        });
        all(terms)
    }

    /// Returns the condition that all words match a row of `users`.
    pub(crate) fn user_condition(&self) -> String {
        let words = self.terms.iter().flat_map(|term| &term.words);
        all(words.map(|word| format!("users.search_document @@ {word}")))
    }

    /// Returns the expression for the relevance of a document, of type `real`.
    pub(crate) fn rank(&self, document: &str) -> String {
        format!("ts_rank({document}, {})", self.any_lexeme)
    }
}

impl TermSql {
    fn new(term: &SearchTerm, statement: &mut Statement) -> Self {
        let words = term.words().iter();
        let words = words.map(|word| tsquery(word.lexemes(), " & ", statement));
        let words = words.collect();
        let identifier = term.identifier().map(contains_pattern);
        Self {
            words,
            pattern: identifier.map(|pattern| statement.bind(Value::Text(pattern))),
        }
    }
}

/// Binds a `tsquery` of these lexemes, joined by an operator.
fn tsquery<'a>(
    lexemes: impl IntoIterator<Item = &'a String>,
    operator: &str,
    statement: &mut Statement,
) -> String {
    let lexemes: Vec<String> = lexemes
        .into_iter()
        .map(|lexeme| prefix_query(lexeme))
        .collect();
    let query = statement.bind(Value::Text(lexemes.join(operator)));
    format!("{query}::tsquery")
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

/// Returns the text of the `tsquery` that matches this lexeme. In a quoted lexeme, all characters
/// but quotes and backslashes stand for themselves.
/// <https://www.postgresql.org/docs/current/datatype-textsearch.html>
pub(crate) fn lexeme_query(lexeme: &str) -> String {
    format!("'{}'", escape(lexeme, &['\'', '\\']))
}

/// Returns the text of the `tsquery` that matches every lexeme that begins with `lexeme`.
fn prefix_query(lexeme: &str) -> String {
    format!("{}:*", lexeme_query(lexeme))
}

/// Returns the LIKE pattern that matches every value that contains `text`.
fn contains_pattern(text: &str) -> String {
    format!("%{}%", escape(text, &['%', '_', '\\']))
}

/// Writes a backslash before each of these characters.
fn escape(text: &str, special: &[char]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if special.contains(&character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
