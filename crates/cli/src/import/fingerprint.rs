//! Idempotency keys of an import, derived from its file and its options.

use std::fmt::Write as _;
use std::io::{Read, Result};

use serde_json::Value;
use sha2::{Digest, Sha256};

/// Identity of an import: equal for the same file and the same options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fingerprint(String);

impl Fingerprint {
    const LENGTH: usize = 32;

    /// Reads the file once, in constant memory. `part_rows` is `None` for a file that is sent as a
    /// whole. Another `word` is another import.
    ///
    /// # Errors
    /// Returns the error of the file.
    pub(super) fn compute(
        mut file: impl Read,
        options: &Value,
        part_rows: Option<usize>,
        word: Option<&str>,
    ) -> Result<Self> {
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            hash.update(&buffer[..count]);
        }
        // A feature of serde_json, which another crate may enable, keeps the order of members.
        let mut options = options.clone();
        options.sort_all_objects();
        let suffix = format!("\n{options}\n{part_rows:?}\n{word:?}");
        hash.update(suffix.as_bytes());
        let mut text = hash
            .finalize()
            .iter()
            .fold(String::new(), |mut text, byte| {
                write!(text, "{byte:02x}").expect("strings accept all text");
                text
            });
        text.truncate(Self::LENGTH);
        Ok(Self(text))
    }

    /// Returns the idempotency key of a part, from 1.
    pub(super) fn key(&self, part: usize) -> String {
        format!("{}-{part}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(
        file: &str,
        options: &Value,
        part_rows: Option<usize>,
        word: Option<&str>,
        part: usize,
    ) -> String {
        let fingerprint = Fingerprint::compute(file.as_bytes(), options, part_rows, word);
        fingerprint.unwrap().key(part)
    }

    #[test]
    fn order_of_options_does_not_matter() {
        let first: Value = serde_json::from_str(r#"{"match":"asset_tag","atomic":false}"#).unwrap();
        let second: Value =
            serde_json::from_str(r#"{"atomic":false,"match":"asset_tag"}"#).unwrap();
        assert_eq!(
            key("a", &first, None, None, 1),
            key("a", &second, None, None, 1)
        );
    }

    #[test]
    fn each_input_changes_the_key() {
        let (none, update) = (json!({}), json!({"on_conflict": "update"}));
        let large = "b".repeat(200_000);
        let keys = [
            key("a", &none, None, None, 1),
            key("b", &none, None, None, 1),
            key(&large, &none, None, None, 1),
            key("a", &update, None, None, 1),
            key("a", &none, Some(20_000), None, 1),
            key("a", &none, Some(10_000), None, 1),
            key("a", &none, None, Some("x"), 1),
            key("a", &none, None, None, 2),
        ];
        let unique: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(unique.len(), keys.len(), "{keys:?}");
        assert!(keys.iter().all(|key| key.len() == 34), "{keys:?}");
    }
}
