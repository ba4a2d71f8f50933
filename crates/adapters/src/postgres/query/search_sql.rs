//! SQL of a full-text search in devices and users.
//!
//! The domain splits queries and documents into folded lexemes. PostgreSQL only compares them: no
//! statement uses its parser, its dictionaries or its locale.

use devices_domain::{Search, SearchTerm};

use crate::postgres::query::statement::{Statement, Value};

/// The terms of a search, as SQL expressions on bind parameters.
pub(crate) struct SearchSql(Vec<TermSql>);

/// One term of a search.
struct TermSql {
    /// Expressions of type `tsquery`, one per lexeme, that match the beginning of a lexeme.
    lexemes: Vec<String>,
    /// Parameter with the LIKE pattern that finds the term in identifiers.
    pattern: Option<String>,
}

impl SearchSql {
    /// Binds the terms of `search` to `statement`.
    pub(crate) fn new(search: &Search, statement: &mut Statement) -> Self {
        let terms = search
            .terms()
            .iter()
            .map(|term| TermSql::new(term, statement));
        Self(terms.collect())
    }

    /// Returns the condition that each term matches a row of `searchable_devices` with the alias
    /// `found`, or its user, who may be deleted if the device is archived. Requires that `$1` is
    /// the workspace.
    pub(crate) fn device_condition(&self) -> String {
        let mut number = 0;
        let terms = self.0.iter().map(|TermSql { lexemes, pattern }| {
            let lexemes = lexemes.iter().map(|lexeme| {
                number += 1;
                format!(
                    "(found.document @@ {lexeme} OR found.user_id = ANY (ARRAY( \
                        SELECT user_{number}.id FROM users AS user_{number} \
                        WHERE user_{number}.workspace_id = $1 \
                          AND user_{number}.search_document @@ {lexeme})))"
                )
            });
            let lexemes = all(lexemes);
            match pattern {
                None => lexemes,
                Some(pattern) => format!("(found.identifiers LIKE {pattern} OR ({lexemes}))"),
            }
        });
        all(terms)
    }

    /// Returns the condition that all lexemes match a row of `users`.
    pub(crate) fn user_condition(&self) -> String {
        all(self
            .lexemes()
            .map(|lexeme| format!("users.search_document @@ {lexeme}")))
    }

    /// Returns the expression for the relevance of a document, of type `real`.
    pub(crate) fn rank(&self, document: &str) -> String {
        let lexemes: Vec<&str> = self.lexemes().map(String::as_str).collect();
        if lexemes.is_empty() {
            "0::real".to_owned()
        } else {
            // `||` of two queries matches either.
            format!("ts_rank({document}, {})", lexemes.join(" || "))
        }
    }

    fn lexemes(&self) -> impl Iterator<Item = &String> {
        self.0.iter().flat_map(|term| &term.lexemes)
    }
}

impl TermSql {
    fn new(term: &SearchTerm, statement: &mut Statement) -> Self {
        let lexemes = term.lexemes().iter().map(|lexeme| {
            let query = statement.bind(Value::Text(prefix_query(lexeme)));
            format!("{query}::tsquery")
        });
        let lexemes = lexemes.collect();
        let identifier = term.identifier().map(contains_pattern);
        Self {
            lexemes,
            pattern: identifier.map(|pattern| statement.bind(Value::Text(pattern))),
        }
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

/// Returns the text of the `tsquery` that matches every lexeme that begins with `lexeme`. In a
/// quoted lexeme, all characters but quotes and backslashes stand for themselves.
/// <https://www.postgresql.org/docs/current/datatype-textsearch.html>
fn prefix_query(lexeme: &str) -> String {
    let quoted = escape(lexeme, &['\'', '\\']);
    format!("'{quoted}':*")
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
