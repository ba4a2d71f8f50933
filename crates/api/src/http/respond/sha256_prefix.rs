//! Short hashes that distinguish texts.

use sha2::{Digest, Sha256};

/// Returns the first 64 bits of the SHA-256 hash as hexadecimal digits.
pub(crate) fn sha256_prefix(text: impl AsRef<[u8]>) -> String {
    let hash = Sha256::digest(text);
    hash[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}
