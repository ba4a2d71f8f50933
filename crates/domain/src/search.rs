//! What is searched for.

use crate::device::fold;
use crate::error::{ErrorCode, FieldError, Reason};
use crate::field::{FieldValue, RawValue, ShortText};

/// Words that must all be found: at most 16 of them, in at most 255 characters. Where there is none,
/// since all is punctuation, nothing is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search(Vec<Word>);

/// A word that is searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    text: String,
    folded: String,
}

impl Word {
    /// The word as it was written: without white space, with a letter or digit.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The word as serial numbers are compared.
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
        let words = text.as_str().split_whitespace();
        let words: Vec<_> = words
            .filter(|word| word.chars().any(char::is_alphanumeric))
            .map(|word| Word {
                text: word.to_owned(),
                folded: fold(word).into_owned(),
            })
            .collect();
        match words.len() <= Self::MAX_WORDS {
            true => Ok(Some(Self(words))),
            false => Err(error(
                Reason::TooManyItems,
                format!("must have at most {} words", Self::MAX_WORDS).into(),
            )),
        }
    }

    /// The words, in order.
    pub fn words(&self) -> &[Word] {
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
        let words: Vec<_> = search.words().iter().map(Word::as_str).collect();
        assert_eq!(words, ["macbook", "sn-1", "ada"]);
        assert_eq!(search.words()[1].folded(), "SN-1");
        assert_eq!(Search::parse(" \u{3000}"), Ok(None));
    }

    #[test]
    fn what_is_too_long_or_cannot_be_stored_is_refused() {
        for (text, reason) in [
            ("x".repeat(256), Reason::TooLong),
            ("x ".repeat(17), Reason::TooManyItems),
            ("a\0b".to_owned(), Reason::ControlCharacter),
        ] {
            assert_eq!(Search::parse(&text).unwrap_err().reason, reason);
        }
    }
}
