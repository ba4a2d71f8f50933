//! Sessions of the web console.

use chrono::{DateTime, Utc};

use crate::access::Actor;

/// A signed-in browser. It acts with the API key with which its user signed in, and ends with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Actor of the key.
    pub actor: Actor,
    /// Label of the key for people.
    pub key_name: String,
    /// Name of the workspace.
    pub workspace_name: String,
    /// SHA-256 of the secret of the key. The [admission](crate::Admission) of a request checks that
    /// the key is still active.
    pub secret_sha256: [u8; 32],
    /// Time at which the session ends, unless its key ends earlier.
    pub expires_at: DateTime<Utc>,
}

impl Session {
    /// Maximum number of sessions of a key.
    pub const MAX_PER_KEY: usize = 100;
}
