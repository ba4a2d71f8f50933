//! Look-up of sessions with their active keys.

use chrono::{DateTime, Utc};
use devices_domain::{Actor, KeyId, NewSession, RepositoryError, Session, WorkspaceId};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bytea, Nullable, Text, Timestamptz};

use crate::postgres::keys::{IS_ACTIVE, parse_scope};
use crate::postgres::query::prepared::prepared;

/// A session, its key and its workspace.
#[derive(QueryableByName)]
pub(super) struct SessionRow {
    /// Id of the key.
    #[diesel(sql_type = BigInt)]
    pub(super) id: i64,
    #[diesel(sql_type = Text)]
    scope: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Bytea)]
    secret_sha256: Vec<u8>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub(super) last_used_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Text)]
    workspace_name: String,
    #[diesel(sql_type = Timestamptz)]
    session_expires_at: DateTime<Utc>,
}

impl SessionRow {
    pub(super) fn into_session(self, workspace: WorkspaceId) -> Result<Session, RepositoryError> {
        let secret_sha256 = self.secret_sha256.try_into();
        Ok(Session {
            actor: Actor {
                workspace,
                key: KeyId(self.id),
                scope: parse_scope(&self.scope)?,
            },
            key_name: self.name,
            workspace_name: self.workspace_name,
            secret_sha256: secret_sha256.map_err(|_| {
                RepositoryError::Failed("a stored hash is not 32 bytes long".into())
            })?,
            expires_at: self.session_expires_at,
        })
    }
}

/// Finds the session with this token, if it and its key are active.
pub(super) fn find(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    token_sha256: &[u8; 32],
) -> QueryResult<Option<SessionRow>> {
    // `LIMIT` makes the planner probe the primary key. A plan from when there were few sessions
    // would read all sessions of the workspace.
    prepared(format!(
        "SELECT active.id, active.scope, active.name, active.secret_sha256, active.last_used_at, \
                workspaces.name AS workspace_name, session.expires_at AS session_expires_at \
         FROM ( \
             SELECT key_id, expires_at FROM console_sessions \
             WHERE console_sessions.workspace_id = $1 \
               AND console_sessions.token_sha256 = $2 AND expires_at > now() \
             LIMIT 1 \
         ) AS session \
         CROSS JOIN LATERAL ( \
             SELECT id, scope, name, secret_sha256, last_used_at FROM api_keys \
             WHERE api_keys.workspace_id = $1 AND api_keys.id = session.key_id AND {IS_ACTIVE} \
             LIMIT 1 \
         ) AS active \
         CROSS JOIN workspaces \
         WHERE workspaces.id = $1"
    ))
    .bind::<BigInt, _>(workspace.0)
    .bind::<Bytea, _>(token_sha256.to_vec())
    .get_result(connection)
    .optional()
}

/// Finds the active key of a new session.
pub(super) fn find_key(
    connection: &mut PgConnection,
    session: &NewSession,
) -> QueryResult<Option<SessionRow>> {
    diesel::sql_query(format!(
        "SELECT active.id, active.scope, active.name, active.secret_sha256, active.last_used_at, \
                workspaces.name AS workspace_name, $3 AS session_expires_at \
         FROM ( \
             SELECT id, scope, name, secret_sha256, last_used_at FROM api_keys \
             WHERE api_keys.workspace_id = $1 AND api_keys.secret_sha256 = $2 AND {IS_ACTIVE} \
             LIMIT 1 \
         ) AS active \
         CROSS JOIN workspaces \
         WHERE workspaces.id = $1"
    ))
    .bind::<BigInt, _>(session.workspace.0)
    .bind::<Bytea, _>(session.secret_sha256.to_vec())
    .bind::<Timestamptz, _>(session.expires_at)
    .get_result(connection)
    .optional()
}
