//! Look-up of active keys by the hashes of their secrets, many keys per statement.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use devices_domain::{Actor, KeyId, RepositoryError, WorkspaceId};
use diesel::prelude::*;

use super::row::{is_active, parse_scope};
use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::{classify, copy_error};
use crate::postgres::schema::tables::api_keys;
use crate::postgres::transaction::group_commit::GroupWork;

/// Looks up the keys of a group with one statement. It starts after all requests of the group were
/// submitted, so that each of them sees every revocation that precedes it.
pub(crate) struct KeyLookup {
    database: Database,
}

/// An active key.
pub(crate) struct ActiveKey {
    pub(crate) actor: Actor,
    pub(crate) last_used_at: Option<DateTime<Utc>>,
}

#[async_trait]
impl GroupWork for KeyLookup {
    /// SHA-256 of a secret.
    type Request = [u8; 32];
    type Response = Result<Option<ActiveKey>, RepositoryError>;

    const MAX_GROUP_SIZE: usize = 1_000;
    const CONCURRENCY: usize = 2;

    fn size(_: &[u8; 32]) -> usize {
        1
    }

    async fn run(&self, workspace: WorkspaceId, hashes: Vec<[u8; 32]>) -> Vec<Self::Response> {
        match self.find(workspace, &hashes).await {
            Ok(keys) => {
                let responses = hashes.iter().map(|hash| {
                    let row = keys.get(hash.as_slice());
                    row.map(|row| ActiveKey::new(workspace, row)).transpose()
                });
                responses.collect()
            }
            Err(error) => hashes.iter().map(|_| Err(copy_error(&error))).collect(),
        }
    }
}

/// Id, scope and last use of a key.
type ActiveRow = (i64, String, Option<DateTime<Utc>>);

impl ActiveKey {
    fn new(workspace: WorkspaceId, row: &ActiveRow) -> Result<Self, RepositoryError> {
        let (id, scope, last_used_at) = row;
        let actor = Actor {
            workspace,
            key: KeyId(*id),
            scope: parse_scope(scope)?,
        };
        Ok(Self {
            actor,
            last_used_at: *last_used_at,
        })
    }
}

impl KeyLookup {
    pub(crate) fn new(database: &Database) -> Self {
        Self {
            database: database.for_key_lookups(),
        }
    }

    /// Returns the active keys whose secrets have these hashes, by hash.
    async fn find(
        &self,
        workspace: WorkspaceId,
        hashes: &[[u8; 32]],
    ) -> Result<HashMap<Vec<u8>, ActiveRow>, RepositoryError> {
        let hashes: BTreeSet<Vec<u8>> = hashes.iter().map(|hash| hash.to_vec()).collect();
        let row = (api_keys::id, api_keys::scope, api_keys::last_used_at);
        let query = api_keys::table
            .filter(api_keys::workspace_id.eq(workspace.0))
            .filter(api_keys::secret_sha256.eq_any(hashes))
            .filter(is_active())
            .select((api_keys::secret_sha256, row));
        let rows: Vec<(Vec<u8>, ActiveRow)> = self
            .database
            .run(move |connection| query.load(connection).map_err(classify))
            .await?;
        Ok(rows.into_iter().collect())
    }
}
