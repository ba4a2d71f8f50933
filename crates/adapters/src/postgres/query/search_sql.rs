//! SQL of full-text searches.
//!
//! The domain splits queries and documents into folded lexemes. PostgreSQL only compares them: no
//! statement uses its parser, its dictionaries or its locale.

use devices_domain::{Search, SearchTerm, SearchWord};

use crate::postgres::query::statement::{Statement, Value};

/// The terms of a search in users, as SQL expressions on bind parameters.
pub(crate) struct SearchSql {
    /// Expressions of type `tsquery`, one per word.
    words: Vec<String>,
    /// Expression of type `tsquery` that matches any lexeme of the search.
    any_lexeme: String,
}

impl SearchSql {
    /// Binds the words of `search` to `statement`.
    pub(crate) fn new(search: &Search, statement: &mut Statement) -> Self {
        let mut bind = |text| format!("{}::tsquery", statement.bind(Value::Text(text)));
        let words = || search.terms().iter().flat_map(SearchTerm::words);
        let lexemes = words().flat_map(SearchWord::lexemes);
        Self {
            words: words()
                .map(|word| bind(tsquery_text(word.lexemes(), " & ")))
                .collect(),
            any_lexeme: bind(tsquery_text(lexemes, " | ")),
        }
    }

    /// Returns the condition that all words match a row of `users`.
    pub(crate) fn user_condition(&self) -> String {
        let words = self.words.iter();
        let words = words.map(|word| format!("users.search_document @@ {word}"));
        words.collect::<Vec<_>>().join(" AND ")
    }

    /// Returns the expression for the relevance of a document, of type `real`.
    pub(crate) fn rank(&self, document: &str) -> String {
        format!("ts_rank({document}, {})", self.any_lexeme)
    }
}

/// Returns the text of a `tsquery` of these lexemes, joined by an operator.
pub(crate) fn tsquery_text<'a>(
    lexemes: impl IntoIterator<Item = &'a String>,
    operator: &str,
) -> String {
    let lexemes = lexemes.into_iter().map(|lexeme| prefix_query(lexeme));
    lexemes.collect::<Vec<_>>().join(operator)
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
pub(crate) fn contains_pattern(text: &str) -> String {
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
