//! Look-up of active keys by the hashes of their secrets, many keys per statement.

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use devices_domain::{Actor, KeyId, RepositoryError, WorkspaceId};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bytea, Nullable, Text, Timestamptz};

use super::row::{IS_ACTIVE, parse_scope};
use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::classify;
use crate::postgres::query::list_size::ListSize;
use crate::postgres::query::prepared::prepared;
use crate::postgres::transaction::blocking::Lease;
use crate::postgres::transaction::commit_gate::CommitGate;
use crate::postgres::transaction::group_commit::{GroupError, GroupResult, GroupWork};

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
    type Response = Option<ActiveKey>;
    type Error = RepositoryError;
    type Unfinished = Infallible;

    const MAX_GROUP_SIZE: usize = 1_000;
    const CONCURRENCY: usize = 2;

    fn size(_: &[u8; 32]) -> usize {
        1
    }

    fn database(&self, _: WorkspaceId) -> Database {
        self.database.clone()
    }

    fn run(
        &self,
        lease: &mut Lease,
        _: &CommitGate,
        workspace: WorkspaceId,
        hashes: &[[u8; 32]],
    ) -> Result<Vec<GroupResult<Self>>, GroupError<Infallible>> {
        let keys = find(lease.connection()?, workspace, hashes).map_err(classify)?;
        let results = hashes.iter().map(|hash| {
            let row = keys.get(hash.as_slice());
            row.map(|row| ActiveKey::new(workspace, row)).transpose()
        });
        Ok(results.collect())
    }

    async fn finish(
        &self,
        _: WorkspaceId,
        _: Vec<[u8; 32]>,
        never: Infallible,
    ) -> Vec<GroupResult<Self>> {
        match never {}
    }
}

#[derive(QueryableByName)]
pub(super) struct ActiveRow {
    #[diesel(sql_type = Bytea)]
    secret_sha256: Vec<u8>,
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    scope: String,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last_used_at: Option<DateTime<Utc>>,
}

impl ActiveKey {
    pub(super) fn new(workspace: WorkspaceId, row: &ActiveRow) -> Result<Self, RepositoryError> {
        let actor = Actor {
            workspace,
            key: KeyId(row.id),
            scope: parse_scope(&row.scope)?,
        };
        Ok(Self {
            actor,
            last_used_at: row.last_used_at,
        })
    }
}

impl KeyLookup {
    pub(crate) fn new(database: &Database) -> Self {
        Self {
            database: database.for_key_lookups(),
        }
    }
}

/// Returns the active keys whose secrets have these hashes, by hash.
pub(super) fn find(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    hashes: &[[u8; 32]],
) -> QueryResult<HashMap<Vec<u8>, ActiveRow>> {
    let hashes: BTreeSet<&[u8]> = hashes.iter().map(<[u8; 32]>::as_slice).collect();
    let rows: Vec<ActiveRow> = prepared(statement(ListSize::for_length(hashes.len())))
        .bind::<BigInt, _>(workspace.0)
        .bind::<Array<Bytea>, _>(hashes.into_iter().collect::<Vec<_>>())
        .load(connection)?;
    Ok(rows
        .into_iter()
        .map(|row| (row.secret_sha256.clone(), row))
        .collect())
}

/// Returns the statement that finds the active keys of the workspace `$1` by the hashes `$2`.
fn statement(size: ListSize) -> String {
    // Probes the index once per hash. For `= ANY`, a plan from when there were few keys would read
    // all keys of the workspace.
    format!(
        "SELECT requested.secret_sha256, active.id, active.scope, active.last_used_at \
         FROM {} \
         CROSS JOIN LATERAL ( \
             SELECT id, scope, last_used_at FROM api_keys \
             WHERE api_keys.workspace_id = $1 \
               AND api_keys.secret_sha256 = requested.secret_sha256 AND {IS_ACTIVE} \
             LIMIT 1 \
         ) AS active",
        size.rows(&[("secret_sha256", "$2")])
    )
}
