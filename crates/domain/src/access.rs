//! Who calls, and what a workspace consists of.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::ids::{KeyId, WorkspaceId};

/// Who calls, and from which workspace. Comes from an API key alone, never from a request's fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    /// The workspace that the key belongs to: all that this actor can see.
    pub workspace: WorkspaceId,
    /// The key that was used.
    pub key: KeyId,
    /// What the key allows.
    pub scope: Scope,
}

/// What a key allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Scope {
    /// To read.
    Read,
    /// To read and to write.
    Write,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 2] = [Self::Read, Self::Write];

    /// `READ` or `WRITE`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "READ",
            Self::Write => "WRITE",
        }
    }

    /// Whether this scope includes `needed`.
    pub fn allows(self, needed: Self) -> bool {
        self == Self::Write || needed == Self::Read
    }
}

/// A company or team with its own users, keys and devices; no other workspace sees them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Workspace {
    /// Its number.
    pub id: WorkspaceId,
    /// Its name, unique.
    pub name: String,
    /// How many living devices it may hold; `None`: no limit.
    pub device_limit: Option<u32>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// An API key, without its secret: that is stored nowhere.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ApiKey {
    /// Its number.
    pub id: KeyId,
    /// The workspace it opens.
    pub workspace_id: WorkspaceId,
    /// A label for people.
    pub name: String,
    /// How its secret begins, to know it by; `None` for keys that are older than this.
    pub secret_prefix: Option<String>,
    /// What it allows.
    pub scope: Scope,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// From when on it is refused; `None`: never.
    pub expires_at: Option<DateTime<Utc>>,
    /// Since when it is refused; `None`: it was not revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// From when on it is refused because another key has taken its place; `None`: none has.
    pub retires_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute; `None`: not yet.
    pub last_used_at: Option<DateTime<Utc>>,
}
