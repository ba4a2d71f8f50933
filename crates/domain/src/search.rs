//! Search queries.

use std::collections::BTreeSet;

use crate::field::{FieldValue, RawValue, ShortText, fold};
use crate::validation::error::{ErrorCode, FieldError, Reason};

/// A search query of at most 255 characters and 16 words, all of which must match. A query of
/// punctuation alone has no words and matches nothing.
///
/// White space separates terms, and white space and punctuation separate words. A term also matches
/// as a part of a serial number, which may contain punctuation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search(Vec<SearchTerm>);

/// A part of a search query between white space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchTerm {
    words: Vec<String>,
    folded: String,
}

impl SearchTerm {
    /// Returns the distinct words, as sent. Has at least one.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// Returns the whole term, folded like a serial number.
    #[must_use]
    pub fn folded(&self) -> &str {
        &self.folded
    }
}

impl Search {
    /// Maximum number of words.
    pub const MAX_WORDS: usize = 16;

    /// Parses a query. Returns `None` for blank text.
    ///
    /// # Errors
    /// Returns an error about the parameter `search` if the text is too long, has too many words,
    /// or contains control characters.
    pub fn parse(text: &str) -> Result<Option<Self>, FieldError> {
        let raw = RawValue::text(text);
        if text.trim().is_empty() {
            return Ok(None);
        }
        let error =
            |reason, detail| FieldError::new("search", ErrorCode::InvalidParameter, reason, detail);
        let text =
            ShortText::parse(&raw).map_err(|invalid| error(invalid.reason, invalid.detail))?;
        let terms = text.as_str().split_whitespace().map(|term| {
            let words = term.split(|c: char| c.is_ascii_punctuation());
            let words = words.filter(|word| word.chars().any(char::is_alphanumeric));
            // A repeated word adds no condition.
            let words: BTreeSet<_> = words.map(str::to_owned).collect();
            SearchTerm {
                words: words.into_iter().collect(),
                folded: fold(term).into_owned(),
            }
        });
        let terms: Vec<_> = terms.filter(|term| !term.words.is_empty()).collect();
        let word_count: usize = terms.iter().map(|term| term.words.len()).sum();
        if word_count > Self::MAX_WORDS {
            return Err(error(
                Reason::TooManyItems,
                format!("must have at most {} words", Self::MAX_WORDS).into(),
            ));
        }
        Ok(Some(Self(terms)))
    }

    /// Returns the terms in order, without those that have no word.
    #[must_use]
    pub fn terms(&self) -> &[SearchTerm] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_is_split_into_terms_and_words() {
        let search = Search::parse(" macbook  sn-1\u{3000}& ada ")
            .unwrap()
            .unwrap();
        let words: Vec<_> = search
            .terms()
            .iter()
            .map(|term| term.words().join(" "))
            .collect();
        assert_eq!(words, ["macbook", "1 sn", "ada"]);
        assert_eq!(search.terms()[1].folded(), "SN-1");
    }

    #[test]
    fn blank_query_is_none() {
        assert_eq!(Search::parse(" \u{3000}"), Ok(None));
    }

    #[test]
    fn long_or_malformed_query_is_rejected() {
        for (text, reason) in [
            ("x".repeat(256), Reason::TooLong),
            ("x ".repeat(17), Reason::TooManyItems),
            (
                "a-b-c.d/e f-g h i j k l m n o p q".to_owned(),
                Reason::TooManyItems,
            ),
            ("a\0b".to_owned(), Reason::ControlCharacter),
        ] {
            assert_eq!(Search::parse(&text).unwrap_err().reason, reason);
        }
    }
}
