//! Look-up of keys.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use devices_domain::{Actor, KeyId, RepositoryError, WorkspaceId};
use diesel::prelude::*;

use super::row::{read_scope, works};
use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::{classify, copy_error};
use crate::postgres::schema::tables::api_keys;
use crate::postgres::transaction::group_commit::GroupWork;

/// Looks keys up: of all that are asked for while others of the workspace are looked up, by one statement,
/// which is begun after they were asked for.
pub(super) struct LookUp {
    pub(super) database: Database,
}

/// A key that works.
pub(super) struct Found {
    pub(super) actor: Actor,
    pub(super) last_used_at: Option<DateTime<Utc>>,
}

#[async_trait]
impl GroupWork for LookUp {
    /// The SHA-256 of a secret.
    type Request = [u8; 32];
    type Response = Result<Option<Found>, RepositoryError>;

    const MAX_GROUP_SIZE: usize = 1_000;
    const CONCURRENCY: usize = 2;

    fn size(_: &[u8; 32]) -> usize {
        1
    }

    async fn run(&self, workspace: WorkspaceId, secrets: Vec<[u8; 32]>) -> Vec<Self::Response> {
        match self.find(workspace, &secrets).await {
            Ok(found) => {
                let answers = secrets.iter().map(|secret| {
                    let row = found.get(secret.as_slice());
                    row.map(|row| Found::of(workspace, row)).transpose()
                });
                answers.collect()
            }
            Err(error) => secrets.iter().map(|_| Err(copy_error(&error))).collect(),
        }
    }
}

/// Its number, its scope, and when it was last used.
type FoundRow = (i64, String, Option<DateTime<Utc>>);

impl Found {
    fn of(workspace: WorkspaceId, row: &FoundRow) -> Result<Self, RepositoryError> {
        let (id, scope, last_used_at) = row;
        let actor = Actor {
            workspace,
            key: KeyId(*id),
            scope: read_scope(scope)?,
        };
        Ok(Self {
            actor,
            last_used_at: *last_used_at,
        })
    }
}

impl LookUp {
    /// Those keys that work, by the hashes of their secrets.
    async fn find(
        &self,
        workspace: WorkspaceId,
        secrets: &[[u8; 32]],
    ) -> Result<HashMap<Vec<u8>, FoundRow>, RepositoryError> {
        let wanted: BTreeSet<Vec<u8>> = secrets.iter().map(|secret| secret.to_vec()).collect();
        let row = (api_keys::id, api_keys::scope, api_keys::last_used_at);
        let query = api_keys::table
            .filter(api_keys::workspace_id.eq(workspace.0))
            .filter(api_keys::secret_sha256.eq_any(wanted))
            .filter(works())
            .select((api_keys::secret_sha256, row));
        let found: Vec<(Vec<u8>, FoundRow)> = self
            .database
            .run(move |connection| query.load(connection).map_err(classify))
            .await?;
        Ok(found.into_iter().collect())
    }
}
