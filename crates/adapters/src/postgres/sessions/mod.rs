//! Sessions of the web console.

mod lookup;

use async_trait::async_trait;
use devices_domain::{NewSession, RepositoryError, Session, SessionRepository, WorkspaceId};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bytea};

use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::classify;
use crate::postgres::keys::LastUseRecorder;
use crate::postgres::schema::tables::console_sessions;
use crate::postgres::transaction::run::{Effect, Failure};
use lookup::SessionRow;

/// The sessions of all workspaces, in PostgreSQL. Clones share the recording of the last use of
/// keys.
#[derive(Clone)]
pub struct PostgresSessions {
    database: Database,
    last_use: LastUseRecorder,
}

impl PostgresSessions {
    /// Creates a repository on this database.
    pub fn new(database: &Database) -> Self {
        Self {
            database: database.for_jobs(),
            last_use: LastUseRecorder::new(database.clone()),
        }
    }

    /// Returns the handle for clients that are not authenticated yet. Their workspace may not
    /// exist.
    fn lookups(&self) -> Database {
        self.database.for_key_lookups()
    }

    /// Converts a row, and records the use of its key.
    fn use_session(
        &self,
        workspace: WorkspaceId,
        row: Option<SessionRow>,
    ) -> Result<Option<Session>, RepositoryError> {
        let Some(row) = row else {
            return Ok(None);
        };
        let last_used_at = row.last_used_at;
        let session = row.into_session(workspace)?;
        self.last_use.record(session.actor, last_used_at);
        Ok(Some(session))
    }
}

#[async_trait]
impl SessionRepository for PostgresSessions {
    async fn create(&self, session: NewSession) -> Result<Option<Session>, RepositoryError> {
        let row = self
            .lookups()
            .transact(move |connection| create(connection, &session))
            .await?;
        self.use_session(session.workspace, row)
    }

    async fn find(
        &self,
        workspace: WorkspaceId,
        token_sha256: [u8; 32],
    ) -> Result<Option<Session>, RepositoryError> {
        let row = self
            .lookups()
            .run(move |connection| {
                lookup::find(connection, workspace, &token_sha256).map_err(classify)
            })
            .await?;
        self.use_session(workspace, row)
    }

    async fn delete(
        &self,
        workspace: WorkspaceId,
        token_sha256: [u8; 32],
    ) -> Result<(), RepositoryError> {
        self.lookups()
            .run(move |connection| delete(connection, workspace, &token_sha256).map_err(classify))
            .await
    }

    async fn purge_expired(&self) -> Result<usize, RepositoryError> {
        self.database
            .run(|connection| purge_expired(connection).map_err(classify))
            .await
    }
}

/// Stores a session, and deletes the oldest ones of its key that are too many.
///
/// Sign-ins at the same time do not see each other's session. Each may leave one too many, which
/// the next one deletes.
fn create(
    connection: &mut PgConnection,
    session: &NewSession,
) -> Result<(Option<SessionRow>, Effect), Failure<RepositoryError>> {
    let Some(key) = lookup::find_key(connection, session)? else {
        return Ok((None, Effect::None));
    };
    delete_oldest(connection, session.workspace, key.id)?;
    diesel::insert_into(console_sessions::table)
        .values((
            console_sessions::workspace_id.eq(session.workspace.0),
            console_sessions::token_sha256.eq(session.token_sha256.as_slice()),
            console_sessions::key_id.eq(key.id),
            console_sessions::expires_at.eq(session.expires_at),
        ))
        .execute(connection)?;
    Ok((Some(key), Effect::Unmarked))
}

#[derive(QueryableByName)]
struct TokenRow {
    #[diesel(sql_type = Bytea)]
    token_sha256: Vec<u8>,
}

/// Deletes the oldest sessions of a key, so that it has room for one more.
fn delete_oldest(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    key: i64,
) -> QueryResult<()> {
    let oldest: Vec<TokenRow> = diesel::sql_query(format!(
        "SELECT token_sha256 FROM console_sessions \
         WHERE console_sessions.workspace_id = $1 AND key_id = $2 \
         ORDER BY created_at DESC OFFSET {}",
        Session::MAX_PER_KEY - 1
    ))
    .bind::<BigInt, _>(workspace.0)
    .bind::<BigInt, _>(key)
    .load(connection)?;
    for TokenRow { token_sha256 } in oldest {
        delete(connection, workspace, &token_sha256)?;
    }
    Ok(())
}

/// Deletes the session with this token, if there is one.
fn delete(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    token_sha256: &[u8],
) -> QueryResult<()> {
    diesel::sql_query(
        "DELETE FROM console_sessions \
         WHERE console_sessions.workspace_id = $1 AND token_sha256 = $2",
    )
    .bind::<BigInt, _>(workspace.0)
    .bind::<Bytea, _>(token_sha256)
    .execute(connection)
    .map(drop)
}

#[derive(QueryableByName)]
struct WorkspaceRow {
    #[diesel(sql_type = BigInt)]
    workspace_id: i64,
}

/// Deletes the expired sessions, workspace by workspace. Returns their number.
///
/// Each statement commits by itself: a workspace has few sessions.
fn purge_expired(connection: &mut PgConnection) -> QueryResult<usize> {
    let workspaces: Vec<WorkspaceRow> = diesel::sql_query(
        "/* all workspaces */ SELECT DISTINCT workspace_id FROM console_sessions \
         WHERE expires_at <= now()",
    )
    .load(connection)?;
    let mut purged = 0;
    for WorkspaceRow { workspace_id } in workspaces {
        purged += diesel::sql_query(
            "DELETE FROM console_sessions \
             WHERE console_sessions.workspace_id = $1 AND expires_at <= now()",
        )
        .bind::<BigInt, _>(workspace_id)
        .execute(connection)?;
    }
    Ok(purged)
}
