//! Idempotency keys: a request that is sent several times is executed once.

use std::fmt;

use crate::ids::BatchId;

/// Idempotency key of a client: 1 to 255 visible ASCII characters.
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Maximum length, in characters.
    pub const MAX_LENGTH: usize = 255;

    /// Parses a key. Returns `None` for a text that is empty, too long, or not visible ASCII.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        let has_valid_length = (1..=Self::MAX_LENGTH).contains(&text.len());
        (is_visible && has_valid_length).then(|| Self(text.to_owned()))
    }

    /// Returns the key as sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Hides the key, which may be derived from customer data.
impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdempotencyKey(..)")
    }
}

/// A request that must be executed at most once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotentRequest {
    /// Operation. The same key for another operation is another request.
    pub operation: &'static str,
    /// Key that the client chose.
    pub key: IdempotencyKey,
    /// SHA-256 of the request body. The same key with another fingerprint is rejected.
    pub fingerprint: [u8; 32],
}

impl IdempotentRequest {
    /// Returns the response that was stored for the same request.
    ///
    /// # Errors
    /// Returns [`IdempotencyError::KeyReused`] if it was stored for another body.
    pub fn replay(&self, stored: StoredResponse) -> Result<IdempotentResponse, IdempotencyError> {
        if stored.fingerprint != self.fingerprint {
            return Err(IdempotencyError::KeyReused);
        }
        Ok(IdempotentResponse {
            body: stored.body,
            batch: stored.batch,
            replayed: true,
        })
    }
}

/// Reason why an idempotent request is not executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdempotencyError {
    /// Another request with this key has not finished.
    #[error("a request with this idempotency key is in progress")]
    InProgress,
    /// The key was used for a request with another body.
    #[error("the idempotency key was used for another request body")]
    KeyReused,
    /// The responses stored for the workspace fill their quota. The key is new, so that no response
    /// is owed for it.
    #[error("the stored responses of the workspace fill their quota")]
    QuotaExceeded,
}

/// Stored response of an idempotent request that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResponse {
    /// SHA-256 of the request body.
    pub fingerprint: [u8; 32],
    /// Response body.
    pub body: Vec<u8>,
    /// Batch that the request stored. `None` if a version without batches stored the response.
    pub batch: Option<BatchId>,
}

/// Response to an idempotent request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotentResponse {
    /// Response body.
    pub body: Vec<u8>,
    /// Batch that the request stored. `None` if a version without batches stored the response.
    pub batch: Option<BatchId>,
    /// `true` if the response is a stored one, and the request was not executed again.
    pub replayed: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_has_1_to_255_visible_ascii_characters() {
        for valid in ["a", "~!\"#", &"x".repeat(255)] {
            let key = IdempotencyKey::parse(valid).unwrap();
            assert_eq!(key.as_str(), valid);
        }
        for invalid in ["", " ", "a b", "é", "\t", "\u{7f}", &"x".repeat(256)] {
            assert!(IdempotencyKey::parse(invalid).is_none(), "{invalid:?}");
        }
    }
}
