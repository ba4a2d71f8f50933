//! What is searched for.

use std::collections::BTreeSet;

use crate::field::{FieldValue, RawValue, ShortText, fold};
use crate::validation::error::{ErrorCode, FieldError, Reason};

/// Words that must all be found: at most 16 of them, in at most 255 characters. Where there is none, since all is
/// punctuation, nothing is found.
///
/// Pieces stand between white space, words between white space and punctuation. A piece may also be a part
/// of a serial number, which can hold punctuation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search(Vec<SearchTerm>);

/// What is searched for between white space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchTerm {
    words: Vec<String>,
    folded: String,
}

impl SearchTerm {
    /// Its words, as they are written, each once; at least one.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// All of it as serial numbers are compared.
    pub fn folded(&self) -> &str {
        &self.folded
    }
}

impl Search {
    /// The most words.
    pub const MAX_WORDS: usize = 16;

    /// What `text` asks for; `None` where it is blank.
    ///
    /// # Errors
    /// Where the text is too long, has too many words, or holds control characters; about the
    /// parameter `search`.
    pub fn parse(text: &str) -> Result<Option<Self>, FieldError> {
        let raw = RawValue::text(text);
        if text.trim().is_empty() {
            return Ok(None);
        }
        let error =
            |reason, detail| FieldError::of("search", ErrorCode::InvalidParameter, reason, detail);
        let text =
            ShortText::parse(&raw).map_err(|refusal| error(refusal.reason, refusal.detail))?;
        let pieces = text.as_str().split_whitespace().map(|piece| {
            let words = piece.split(|c: char| c.is_ascii_punctuation());
            let words = words.filter(|word| word.chars().any(char::is_alphanumeric));
            // What is asked for twice is asked for once.
            let words: BTreeSet<_> = words.map(str::to_owned).collect();
            SearchTerm {
                words: words.into_iter().collect(),
                folded: fold(piece).into_owned(),
            }
        });
        let pieces: Vec<_> = pieces.filter(|piece| !piece.words.is_empty()).collect();
        let words: usize = pieces.iter().map(|piece| piece.words.len()).sum();
        match words <= Self::MAX_WORDS {
            true => Ok(Some(Self(pieces))),
            false => Err(error(
                Reason::TooManyItems,
                format!("must have at most {} words", Self::MAX_WORDS).into(),
            )),
        }
    }

    /// What stands between white space, in order; pieces without a word are left out.
    pub fn terms(&self) -> &[SearchTerm] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_its_words_and_blank_text_is_none() {
        let search = Search::parse(" macbook  sn-1\u{3000}& ada ")
            .unwrap()
            .unwrap();
        let words: Vec<_> = search
            .terms()
            .iter()
            .map(|piece| piece.words().join(" "))
            .collect();
        assert_eq!(words, ["macbook", "1 sn", "ada"]);
        assert_eq!(search.terms()[1].folded(), "SN-1");
        assert_eq!(Search::parse(" \u{3000}"), Ok(None));
    }

    #[test]
    fn what_is_too_long_or_cannot_be_stored_is_refused() {
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
