//! Search queries.

use std::collections::BTreeSet;

use super::fold::fold_into;
use super::tokens::{self, CharClass, GRAM_CHARS, Token};
use crate::field::{FieldValue, RawValue, ShortText, fold_identifier, is_ignorable};
use crate::validation::error::{ErrorCode, FieldError, Reason};

/// A search query of at most 255 characters and 16 words, all of which must match.
///
/// White space separates terms. In a term, symbols separate words, and a run of letters of a
/// script without blanks between words is a word. A term without letters and digits is matched by
/// its symbols. A term also matches as a part of an identifier such as a serial number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search(Vec<SearchTerm>);

/// A part of a search query between white space. Matches a device if all its words match, or if
/// the identifiers of the device contain its identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchTerm {
    words: Vec<SearchWord>,
    identifier: Option<String>,
}

/// A word of a search query, or a text that is searched by substring. Matches a document that
/// matches all its lexemes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SearchWord(Vec<String>);

impl SearchWord {
    /// Returns the distinct lexemes, in the order of their bytes. At least one. Each matches every
    /// lexeme of a [`SearchDocument`](super::SearchDocument) that begins with it.
    ///
    /// Text that is searched by substring has a lexeme for every three consecutive characters. A
    /// document that contains all of them, but not together, matches, too.
    #[must_use]
    pub fn lexemes(&self) -> &[String] {
        &self.0
    }
}

impl SearchTerm {
    /// Maximum number of lexemes of one word. A longer text without blanks, such as 35 Chinese
    /// characters, is matched by its beginning.
    pub const MAX_LEXEMES_PER_WORD: usize = 32;

    /// Minimum number of characters of a term that is searched in identifiers. A trigram index
    /// cannot find shorter ones.
    const MIN_IDENTIFIER_CHARS: usize = 3;

    /// Parses a term. Returns `None` if it has only invisible characters.
    fn parse(text: &str) -> Option<Self> {
        let visible: String = text.chars().filter(|c| !is_ignorable(*c)).collect();
        let mut folded = String::new();
        fold_into(&mut folded, &visible);
        let tokens: Vec<Token> = tokens::tokens(&folded).collect();
        let has_letters = tokens.iter().any(|token| token.class != CharClass::Symbol);
        let is_matched = |token: &&Token| !has_letters || token.class != CharClass::Symbol;
        // A repeated word adds no condition.
        let words: BTreeSet<SearchWord> = tokens
            .iter()
            .filter(is_matched)
            .map(|token| SearchWord(query_lexemes(&folded, token)))
            .collect();
        if words.is_empty() {
            return None;
        }
        let identifier = fold_identifier(&visible).into_owned();
        let is_long = identifier.chars().count() >= Self::MIN_IDENTIFIER_CHARS;
        Some(Self {
            words: words.into_iter().collect(),
            identifier: is_long.then_some(identifier),
        })
    }

    /// Returns the distinct words, sorted. At least one.
    #[must_use]
    pub fn words(&self) -> &[SearchWord] {
        &self.words
    }

    /// Returns the term, folded like a serial number, if it has at least three characters. Matches
    /// a device whose [`search_identifiers`](crate::DeviceFields::search_identifiers) contain it.
    #[must_use]
    pub fn identifier(&self) -> Option<&str> {
        self.identifier.as_deref()
    }
}

/// Returns the lexemes that match a token of a query.
fn query_lexemes(text: &str, token: &Token) -> Vec<String> {
    let mut lexemes = Vec::new();
    tokens::lexemes(text, token, |range| lexemes.push(&text[range]));
    if token.class != CharClass::Word {
        // The last two lexemes are the ends of the others.
        let count = lexemes.len().saturating_sub(GRAM_CHARS - 1).max(1);
        lexemes.truncate(count.min(SearchTerm::MAX_LEXEMES_PER_WORD));
    }
    let lexemes: BTreeSet<&str> = lexemes.into_iter().collect();
    lexemes.into_iter().map(str::to_owned).collect()
}

impl Search {
    /// Maximum number of words.
    pub const MAX_WORDS: usize = 16;

    /// Parses a query. Returns `None` for text that is blank or invisible.
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
        let terms = text.as_str().split_whitespace();
        let terms: Vec<SearchTerm> = terms.filter_map(SearchTerm::parse).collect();
        let word_count: usize = terms.iter().map(|term| term.words.len()).sum();
        if word_count > Self::MAX_WORDS {
            return Err(error(
                Reason::TooManyItems,
                format!("must have at most {} words", Self::MAX_WORDS).into(),
            ));
        }
        Ok(Some(Self(terms)).filter(|search| !search.0.is_empty()))
    }

    /// Returns the terms in order. At least one.
    #[must_use]
    pub fn terms(&self) -> &[SearchTerm] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(term: &SearchTerm) -> Vec<String> {
        let words = term.words().iter();
        words.map(|word| word.lexemes().join("+")).collect()
    }

    #[test]
    fn query_is_split_into_terms_and_words() {
        let search = Search::parse(" macbook  sn-1\u{3000}& ada ")
            .unwrap()
            .unwrap();
        let words: Vec<_> = search
            .terms()
            .iter()
            .map(|term| words(term).join(" "))
            .collect();
        assert_eq!(words, ["macbook", "1 sn", "&", "ada"]);
        assert_eq!(search.terms()[1].identifier(), Some("SN-1"));
    }

    #[test]
    fn blank_query_is_none() {
        for blank in ["", " \u{3000}", "\u{200B}", "\u{AD} \u{2800}"] {
            assert_eq!(Search::parse(blank), Ok(None), "{blank:?}");
        }
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
