//! Access: actors and their scopes, workspaces, and API keys.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::field::string_enum;
use crate::ids::{KeyId, WorkspaceId};

/// The caller and its workspace. Determined by the API key alone, never by fields of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    /// Workspace of the key. The actor has access to no other.
    pub workspace: WorkspaceId,
    /// API key of the request.
    pub key: KeyId,
    /// Scope of the key.
    pub scope: Scope,
}

string_enum! {
    /// Permissions of an API key: to read, to write, and to manage the API keys of the workspace.
    /// Each scope includes the ones before it.
    #[derive(PartialOrd, Ord)]
    Scope {
        Read = "READ",
        Write = "WRITE",
        Admin = "ADMIN",
    }
}

impl Scope {
    /// Returns whether this scope includes the `required` one.
    #[must_use]
    pub fn allows(self, required: Self) -> bool {
        self >= required
    }
}

/// A company or team with its own users, API keys and devices. No other workspace can access them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Workspace {
    /// Id.
    pub id: WorkspaceId,
    /// Unique name.
    pub name: String,
    /// Maximum number of active devices, `None` for no limit.
    pub device_limit: Option<u32>,
    /// Time of creation.
    pub created_at: DateTime<Utc>,
}

/// Author of a request: an API key and its label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamedKey {
    /// Id.
    pub id: KeyId,
    /// Label for people.
    pub name: String,
}

/// An API key without its secret, which is not stored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ApiKey {
    /// Id.
    pub id: KeyId,
    /// Workspace of the key.
    pub workspace_id: WorkspaceId,
    /// Label for people.
    pub name: String,
    /// First characters of the secret, to recognize it. `None` for keys that were created before
    /// prefixes were stored.
    pub secret_prefix: Option<String>,
    /// Permissions.
    pub scope: Scope,
    /// Time of creation.
    pub created_at: DateTime<Utc>,
    /// Time of expiry, `None` for never.
    pub expires_at: Option<DateTime<Utc>>,
    /// Time of revocation, `None` if the key is not revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// Time at which a rotated key stops working, `None` if the key is not rotated.
    pub retires_at: Option<DateTime<Utc>>,
    /// Time of the last use, with a precision of one minute. `None` for an unused key.
    pub last_used_at: Option<DateTime<Utc>>,
}
