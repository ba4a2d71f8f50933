//! Secrets of API keys, and tokens of sessions.
//!
//! A secret is `fdk_<workspace>_<random><checksum>`: a prefix that scanners for leaked secrets can
//! recognise (`fds_` for tokens of sessions), the id of its workspace, 33 random base-62 characters
//! (196 bits), and the CRC-32 of all preceding characters, as 6 base-62 characters. The checksum
//! rejects a truncated or mistyped secret without a query to the store. GitHub's tokens have the
//! same structure.

use devices_domain::{NewSecret, WorkspaceId};
use rand::RngExt;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// Beginning of the secret of every key.
const KEY_PREFIX: &str = "fdk_";

/// Beginning of the token of every session.
const SESSION_PREFIX: &str = "fds_";

/// Beginnings of all secrets.
pub(crate) const PREFIXES: [&str; 2] = [KEY_PREFIX, SESSION_PREFIX];

const RANDOM_LENGTH: usize = 33;
const CHECKSUM_LENGTH: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The secret of an API key. Its debug output does not show it.
#[derive(Debug, Clone)]
pub struct KeySecret {
    text: SecretString,
    workspace: WorkspaceId,
}

impl KeySecret {
    /// Generates a secret with a cryptographic generator that the operating system seeds.
    pub fn generate(workspace: WorkspaceId) -> Self {
        Self {
            text: generate(KEY_PREFIX, workspace).into(),
            workspace,
        }
    }

    /// Parses a secret. Returns `None` if the text is not one, or is truncated or mistyped.
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self {
            workspace: parse(KEY_PREFIX, text)?,
            text: text.into(),
        })
    }

    /// Returns the workspace in the secret. Only the store knows whether such a key exists.
    pub fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    /// Returns the stored form of the secret: its hash, and a prefix that identifies it to people.
    /// The prefix has four of the random characters, which leaves 172 bits to guess.
    pub fn to_stored(&self) -> NewSecret {
        let prefix_length = self.expose().len() - RANDOM_LENGTH - CHECKSUM_LENGTH + 4;
        NewSecret {
            sha256: self.sha256(),
            prefix: self.expose()[..prefix_length].to_owned(),
        }
    }

    /// Returns the SHA-256 hash of the secret.
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.expose()).into()
    }

    /// Returns the secret itself, to print it once.
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }
}

/// The token of a session of the console. Its debug output does not show it.
#[derive(Debug, Clone)]
pub(crate) struct SessionToken {
    text: SecretString,
    workspace: WorkspaceId,
}

impl SessionToken {
    /// Generates a token like a [secret](KeySecret::generate).
    pub(crate) fn generate(workspace: WorkspaceId) -> Self {
        Self {
            text: generate(SESSION_PREFIX, workspace).into(),
            workspace,
        }
    }

    /// Parses a token. Returns `None` if the text is not one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(Self {
            workspace: parse(SESSION_PREFIX, text)?,
            text: text.into(),
        })
    }

    /// Returns the workspace in the token. Only the store knows whether such a session exists.
    pub(crate) fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    /// Returns the SHA-256 hash of the token.
    pub(crate) fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.expose()).into()
    }

    /// Returns the token itself, to send it to the browser once.
    pub(crate) fn expose(&self) -> &str {
        self.text.expose_secret()
    }
}

/// Generates a secret with this prefix.
fn generate(prefix: &str, workspace: WorkspaceId) -> String {
    let mut text = format!("{prefix}{workspace}_");
    // `random_range` is uniform. The remainder of a random byte would favour some characters.
    let mut rng = rand::rng();
    text.extend(
        (0..RANDOM_LENGTH).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())])),
    );
    text.push_str(&checksum(&text));
    text
}

/// Returns the workspace in a secret with this prefix. Returns `None` if the text is not one, or is
/// truncated or mistyped.
fn parse(prefix: &str, text: &str) -> Option<WorkspaceId> {
    let (workspace, rest) = text.strip_prefix(prefix)?.split_once('_')?;
    let is_id = !workspace.starts_with('0') && workspace.bytes().all(|b| b.is_ascii_digit());
    let is_complete = rest.len() == RANDOM_LENGTH + CHECKSUM_LENGTH && rest.is_ascii();
    if !is_id || !is_complete {
        return None;
    }
    let (body, given_checksum) = text.split_at(text.len() - CHECKSUM_LENGTH);
    let workspace = workspace.parse().ok()?;
    (checksum(body) == given_checksum).then_some(WorkspaceId(workspace))
}

/// Returns the CRC-32 of the text in base 62, padded with zeros.
fn checksum(text: &str) -> String {
    let mut remainder = crc32fast::hash(text.as_bytes()) as usize;
    let mut characters = [b'0'; CHECKSUM_LENGTH];
    for character in characters.iter_mut().rev() {
        *character = ALPHABET[remainder % ALPHABET.len()];
        remainder /= ALPHABET.len();
    }
    characters.map(char::from).iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_secret_is_parsed_with_its_workspace() {
        let secret = KeySecret::generate(WorkspaceId(42));
        let parsed = KeySecret::parse(secret.expose()).unwrap();
        assert_eq!(parsed.workspace(), WorkspaceId(42));
        assert_eq!(parsed.sha256(), secret.sha256());
    }

    #[test]
    fn session_token_is_no_secret_of_a_key() {
        let token = SessionToken::generate(WorkspaceId(42));
        let parsed = SessionToken::parse(token.expose()).unwrap();
        assert_eq!(parsed.workspace(), WorkspaceId(42));
        assert_eq!(parsed.sha256(), token.sha256());
        assert!(KeySecret::parse(token.expose()).is_none());
        let secret = KeySecret::generate(WorkspaceId(42));
        assert!(SessionToken::parse(secret.expose()).is_none());
    }

    #[test]
    fn generated_secrets_differ() {
        let first = KeySecret::generate(WorkspaceId(1));
        let second = KeySecret::generate(WorkspaceId(1));
        assert_ne!(first.expose(), second.expose());
    }

    #[test]
    fn secret_has_at_least_190_random_bits() {
        let bits = RANDOM_LENGTH as f64 * (ALPHABET.len() as f64).log2();
        assert!(bits >= 190.0, "{bits}");
    }

    #[test]
    fn secret_with_a_changed_character_is_rejected() {
        let secret = KeySecret::generate(WorkspaceId(7));
        for at in 0..secret.expose().len() {
            let mut changed = secret.expose().as_bytes().to_vec();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(KeySecret::parse(&changed).is_none(), "{at}");
        }
    }

    #[test]
    fn text_of_another_format_is_rejected() {
        let secret = KeySecret::generate(WorkspaceId(7));
        let text = secret.expose();
        assert!(KeySecret::parse(&text[..text.len() - 1]).is_none());
        assert!(KeySecret::parse(&format!("{text}A")).is_none());
        for foreign in ["", "fdk_", "fdk__", "fdk_1_", "ghp_0000", "fdk_é_é"] {
            assert!(KeySecret::parse(foreign).is_none());
        }
    }

    #[test]
    fn stored_prefix_has_four_random_characters() {
        let secret = KeySecret::generate(WorkspaceId(42));
        let prefix = secret.to_stored().prefix;
        assert_eq!(prefix.len(), "fdk_42_".len() + 4);
        assert!(secret.expose().starts_with(&prefix));
    }

    #[test]
    fn debug_output_does_not_show_the_secret() {
        let secret = KeySecret::generate(WorkspaceId(7));
        assert!(!format!("{secret:?}").contains(secret.expose()));
    }
}
