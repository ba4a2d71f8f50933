//! Idempotency keys of an import, derived from its file and its options.

use std::fmt::Write as _;
use std::io::{Read, Result};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Identity of an import: equal for the same file and the same options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fingerprint(String);

impl Fingerprint {
    const LENGTH: usize = 32;

    /// Version of the format of parts. Another one has other keys: a part that an earlier version
    /// of the program has stored is otherwise rejected, because its bytes differ.
    const PART_FORMAT: u32 = 1;

    /// Reads the file once, in constant memory. `part_rows` is `None` for a file that is sent as a
    /// whole. Another `nonce` makes other keys.
    ///
    /// # Errors
    /// Returns the error of the file.
    pub(super) fn compute(
        mut file: impl Read,
        options: &Value,
        part_rows: Option<usize>,
        nonce: Option<&str>,
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
        let mut suffix = json!({
            "options": options, "part_rows": part_rows, "nonce": nonce,
            "part_format": Self::PART_FORMAT,
        });
        suffix.sort_all_objects();
        let suffix = suffix.to_string();
        hash.update(suffix.as_bytes());
        // Delimits the file from the rest.
        hash.update((suffix.len() as u64).to_be_bytes());
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
    use super::*;

    fn key(
        file: &str,
        options: &Value,
        part_rows: Option<usize>,
        nonce: Option<&str>,
        part: usize,
    ) -> String {
        let fingerprint = Fingerprint::compute(file.as_bytes(), options, part_rows, nonce);
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
