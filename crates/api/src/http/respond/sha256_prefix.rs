//! Short digests, to tell texts from each other.

use sha2::{Digest, Sha256};

/// The first 64 bits of the SHA-256, as hexadecimal digits.
pub(crate) fn sha256_prefix(of: impl AsRef<[u8]>) -> String {
    let digest = Sha256::digest(of);
    digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
