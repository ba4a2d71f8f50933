//! One request, carried out once however often it is sent.

use std::fmt;

/// A client's own name for one request: 1 to 255 visible ASCII characters.
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The longest one, in characters.
    pub const MAX_LENGTH: usize = 255;

    /// The key that `text` spells; `None` where it is too short, too long, or not visible ASCII.
    pub fn parse(text: &str) -> Option<Self> {
        let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        let fits = (1..=Self::MAX_LENGTH).contains(&text.len());
        (is_visible && fits).then(|| Self(text.to_owned()))
    }

    /// As the client sent it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Hides the key: it can be guessable from a customer's values.
impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdempotencyKey(..)")
    }
}

/// What is to be carried out once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotentRequest {
    /// Which operation; the same key may be used for another one.
    pub operation: &'static str,
    /// The client's name for it.
    pub key: IdempotencyKey,
    /// The SHA-256 of what was asked for: the same key for something else is refused.
    pub fingerprint: [u8; 32],
}

impl IdempotentRequest {
    /// The outcome that was remembered, if it came of the same request.
    ///
    /// # Errors
    /// [`IdempotencyError::KeyReused`] where something else was asked for.
    pub fn replay(
        &self,
        remembered: StoredResponse,
    ) -> Result<IdempotentResponse, IdempotencyError> {
        match remembered.fingerprint == self.fingerprint {
            true => Ok(IdempotentResponse {
                body: remembered.body,
                replayed: true,
            }),
            false => Err(IdempotencyError::KeyReused),
        }
    }
}

/// Why an attempt cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdempotencyError {
    /// Another attempt with this key is being made, and has not ended.
    #[error("an attempt with this idempotency key is under way")]
    InProgress,
    /// The key was used for something else.
    #[error("the idempotency key was used for something else")]
    KeyReused,
}

/// What is remembered of an attempt that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResponse {
    /// The SHA-256 of what was asked for.
    pub fingerprint: [u8; 32],
    /// What was answered.
    pub body: Vec<u8>,
}

/// What a request was answered, byte by byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotentResponse {
    /// The bytes.
    pub body: Vec<u8>,
    /// Whether it was answered before, and nothing was carried out this time.
    pub replayed: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_1_to_255_visible_ascii_characters() {
        for good in ["a", "~!\"#", &"x".repeat(255)] {
            let key = IdempotencyKey::parse(good).unwrap();
            assert_eq!(key.as_str(), good);
        }
        for bad in ["", " ", "a b", "é", "\t", "\u{7f}", &"x".repeat(256)] {
            assert!(IdempotencyKey::parse(bad).is_none(), "{bad:?}");
        }
    }
}
