//! Secrets of API keys.
//!
//! A secret is `fdk_<workspace>_<random><checksum>`: a prefix that scanners for leaked secrets can
//! recognise, the workspace it opens, 33 random base-62 characters (196 bits) and 6 that are the
//! CRC-32 of everything before them. The checksum lets a truncated or mistyped secret be refused
//! without asking the store; GitHub's tokens are built alike.

use devices_domain::{NewSecret, WorkspaceId};
use rand::RngExt;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

const PREFIX: &str = "fdk_";
const RANDOM_LENGTH: usize = 33;
const CHECKSUM_LENGTH: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The secret of an API key; its debug output hides it.
#[derive(Debug, Clone)]
pub struct KeySecret {
    text: SecretString,
    workspace: WorkspaceId,
}

impl KeySecret {
    /// A new secret, from a cryptographic generator that the operating system seeds.
    pub fn generate(workspace: WorkspaceId) -> Self {
        let mut text = format!("{PREFIX}{workspace}_");
        // Drawing from a range does not favour some characters, as a remainder would.
        let mut rng = rand::rng();
        text.extend(
            (0..RANDOM_LENGTH).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())])),
        );
        text.push_str(&checksum(&text));
        Self {
            text: text.into(),
            workspace,
        }
    }

    /// The secret that `text` spells; `None` where it is none, truncated or mistyped.
    pub fn parse(text: &str) -> Option<Self> {
        let (workspace, random) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let digits = !workspace.starts_with('0') && workspace.bytes().all(|b| b.is_ascii_digit());
        let is_complete = random.len() == RANDOM_LENGTH + CHECKSUM_LENGTH && random.is_ascii();
        if !digits || !is_complete {
            return None;
        }
        let (signed, given) = text.split_at(text.len() - CHECKSUM_LENGTH);
        (checksum(signed) == given).then_some(Self {
            text: text.into(),
            workspace: WorkspaceId(workspace.parse().ok()?),
        })
    }

    /// The workspace whose key it is, if there is such a key.
    pub fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    /// What is stored of it: its hash, and the first four of its random characters with what stands
    /// before them, which leaves 172 bits to guess.
    pub fn kept(&self) -> NewSecret {
        let shown = self.expose().len() - RANDOM_LENGTH - CHECKSUM_LENGTH + 4;
        NewSecret {
            sha256: self.sha256(),
            prefix: self.expose()[..shown].to_owned(),
        }
    }

    /// Its SHA-256.
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.expose()).into()
    }

    /// The secret itself: to be shown once, or kept in a file of its owner's.
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }
}

fn checksum(text: &str) -> String {
    let mut rest = crc32fast::hash(text.as_bytes()) as usize;
    let mut characters = [b'0'; CHECKSUM_LENGTH];
    for character in characters.iter_mut().rev() {
        *character = ALPHABET[rest % ALPHABET.len()];
        rest /= ALPHABET.len();
    }
    characters.map(char::from).iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_secret_is_read_back_with_its_workspace() {
        let secret = KeySecret::generate(WorkspaceId(42));
        let read = KeySecret::parse(secret.expose()).unwrap();
        assert_eq!(read.workspace(), WorkspaceId(42));
        assert_eq!(read.sha256(), secret.sha256());
    }

    #[test]
    fn no_two_secrets_are_alike() {
        let one = KeySecret::generate(WorkspaceId(1));
        let other = KeySecret::generate(WorkspaceId(1));
        assert_ne!(one.expose(), other.expose());
    }

    #[test]
    fn a_secret_holds_at_least_190_random_bits() {
        let bits = RANDOM_LENGTH as f64 * (ALPHABET.len() as f64).log2();
        assert!(bits >= 190.0, "{bits}");
    }

    #[test]
    fn whatever_one_character_is_changed_to_the_secret_is_refused() {
        let secret = KeySecret::generate(WorkspaceId(7));
        for at in 0..secret.expose().len() {
            let mut changed = secret.expose().as_bytes().to_vec();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(KeySecret::parse(&changed).is_none(), "{at}");
        }
    }

    #[test]
    fn truncated_lengthened_and_foreign_texts_are_refused() {
        let secret = KeySecret::generate(WorkspaceId(7));
        let text = secret.expose();
        assert!(KeySecret::parse(&text[..text.len() - 1]).is_none());
        assert!(KeySecret::parse(&format!("{text}A")).is_none());
        for foreign in ["", "fdk_", "fdk__", "fdk_1_", "ghp_0000", "fdk_é_é"] {
            assert!(KeySecret::parse(foreign).is_none());
        }
    }

    #[test]
    fn what_is_kept_shows_four_random_characters() {
        let secret = KeySecret::generate(WorkspaceId(42));
        let prefix = secret.kept().prefix;
        assert_eq!(prefix.len(), "fdk_42_".len() + 4);
        assert!(secret.expose().starts_with(&prefix));
    }

    #[test]
    fn debug_output_hides_the_secret() {
        let secret = KeySecret::generate(WorkspaceId(7));
        assert!(!format!("{secret:?}").contains(secret.expose()));
    }
}
