//! The API keys.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use devices_domain::{
    Actor, ApiKey, KeyError, KeyId, KeyRepository, NewApiKey, NewSecret, RepositoryError, Scope,
    WorkspaceId,
};
use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::{BigInt, Bool, Nullable, Timestamptz};

use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::{classify, copy_error};
use crate::postgres::schema::tables::{api_keys, workspaces};
use crate::postgres::transaction::group_commit::{GroupCommitter, GroupWork};

/// The API keys, in PostgreSQL.
#[derive(Clone)]
pub struct PostgresKeys {
    database: Database,
    lookups: GroupCommitter<LookUp>,
    uses: Arc<Mutex<Uses>>,
}

/// Keys whose use is to be noted.
#[derive(Default)]
struct Uses {
    waiting: BTreeSet<(i64, i64)>,
    /// Whether somebody is noting them.
    noting: bool,
}

impl PostgresKeys {
    /// Over this database.
    pub fn new(database: Database) -> Self {
        Self {
            lookups: GroupCommitter::new(
                LookUp {
                    database: database.clone(),
                },
                database.pool_timeout(),
            ),
            database,
            uses: Arc::default(),
        }
    }
}

/// Looks keys up: of all that are asked for while others of the workspace are looked up, by one statement,
/// which is begun after they were asked for.
struct LookUp {
    database: Database,
}

/// A key that works.
struct Found {
    actor: Actor,
    last_used_at: Option<DateTime<Utc>>,
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

#[derive(Queryable, Selectable)]
#[diesel(table_name = api_keys)]
struct KeyRow {
    id: i64,
    workspace_id: i64,
    name: String,
    secret_prefix: Option<String>,
    scope: String,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    retires_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
}

impl TryFrom<KeyRow> for ApiKey {
    type Error = RepositoryError;

    fn try_from(row: KeyRow) -> Result<Self, Self::Error> {
        Ok(Self {
            id: KeyId(row.id),
            workspace_id: WorkspaceId(row.workspace_id),
            name: row.name,
            secret_prefix: row.secret_prefix,
            scope: read_scope(&row.scope)?,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            retires_at: row.retires_at,
            last_used_at: row.last_used_at,
        })
    }
}

fn read_scope(stored: &str) -> Result<Scope, RepositoryError> {
    Scope::ALL
        .into_iter()
        .find(|scope| scope.as_str() == stored)
        .ok_or_else(|| RepositoryError::Failed("unknown scope of a key".into()))
}

/// Why a transaction on keys was rolled back.
enum Failure {
    Key(KeyError),
    Diesel(DieselError),
}

impl From<DieselError> for Failure {
    fn from(error: DieselError) -> Self {
        Self::Diesel(error)
    }
}

impl From<RepositoryError> for Failure {
    fn from(error: RepositoryError) -> Self {
        Self::Key(error.into())
    }
}

impl From<Failure> for KeyError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Key(error) => error,
            Failure::Diesel(error) => classify(error).into(),
        }
    }
}

/// Whether a key is neither revoked, nor expired, nor retired.
fn works() -> SqlLiteral<Bool> {
    sql(
        "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()) \
         AND (retires_at IS NULL OR retires_at > now())",
    )
}

/// Inserts a key unless the workspace has `most` that work, not counting those that retire.
fn insert(connection: &mut PgConnection, key: &NewApiKey, most: u32) -> Result<KeyRow, Failure> {
    // Two that count at the same time would both find room.
    let _: i64 = workspaces::table
        .find(key.workspace.0)
        .select(workspaces::id)
        .for_no_key_update()
        .first(connection)?;
    let held: i64 = api_keys::table
        .filter(api_keys::workspace_id.eq(key.workspace.0))
        .filter(works())
        .filter(api_keys::retires_at.is_null())
        .count()
        .get_result(connection)?;
    if held >= most.into() {
        return Err(Failure::Key(KeyError::TooMany(most)));
    }
    let row = (
        api_keys::workspace_id.eq(key.workspace.0),
        api_keys::name.eq(&key.name),
        api_keys::scope.eq(key.scope.as_str()),
        api_keys::secret_sha256.eq(key.secret.sha256.to_vec()),
        api_keys::secret_prefix.eq(&key.secret.prefix),
        api_keys::expires_at.eq(key.expires_at),
    );
    let inserted = diesel::insert_into(api_keys::table)
        .values(row)
        .returning(KeyRow::as_returning())
        .get_result(connection)?;
    Ok(inserted)
}

fn rotate(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    old: KeyId,
    secret: NewSecret,
    until: DateTime<Utc>,
    most: u32,
) -> Result<KeyRow, Failure> {
    let found: Option<(KeyRow, bool)> = api_keys::table
        .find((workspace.0, old.0))
        .select((KeyRow::as_select(), works()))
        .for_no_key_update()
        .first(connection)
        .optional()?;
    let (row, works) = found.ok_or(Failure::Key(KeyError::NotFound))?;
    if !works {
        return Err(Failure::Key(KeyError::Inactive));
    }
    let replaced = ApiKey::try_from(row)?;
    let lasts = replaced.expires_at.map(|at| at - replaced.created_at);
    let key = NewApiKey {
        workspace,
        name: replaced.name,
        scope: replaced.scope,
        secret,
        expires_at: lasts.and_then(|lasts| Utc::now().checked_add_signed(lasts)),
    };
    let until = replaced.retires_at.map_or(until, |at| at.min(until));
    diesel::update(api_keys::table.find((workspace.0, old.0)))
        .set(api_keys::retires_at.eq(until))
        .execute(connection)?;
    insert(connection, &key, most)
}

/// How exactly it is known when a key was last used.
const USE_INTERVAL: TimeDelta = TimeDelta::minutes(1);

impl PostgresKeys {
    /// Notes that the key was used, unless that was noted lately: beside the request, which does
    /// not wait for it, and one key after the other.
    fn note_use(&self, actor: Actor, last_used_at: Option<DateTime<Utc>>) {
        if last_used_at.is_some_and(|at| Utc::now() - at < USE_INTERVAL) {
            return;
        }
        let mut uses = self.uses();
        uses.waiting.insert((actor.workspace.0, actor.key.0));
        if !std::mem::replace(&mut uses.noting, true) {
            tokio::spawn(self.clone().note_uses());
        }
    }

    async fn note_uses(self) {
        while let Some((workspace, key)) = self.next_use() {
            let update = diesel::sql_query(
                "UPDATE api_keys SET last_used_at = now() WHERE workspace_id = $1 AND id = $2 \
                 AND (last_used_at IS NULL OR last_used_at <= now() - interval '1 minute')",
            )
            .bind::<BigInt, _>(workspace)
            .bind::<BigInt, _>(key);
            let noted = self
                .database
                .run(move |connection| update.execute(connection).map_err(classify));
            if let Err(error) = noted.await {
                tracing::warn!(%error, "the use of a key was not noted");
            }
        }
    }

    fn next_use(&self) -> Option<(i64, i64)> {
        let mut uses = self.uses();
        let next = uses.waiting.pop_first();
        uses.noting = next.is_some();
        next
    }

    fn uses(&self) -> MutexGuard<'_, Uses> {
        // What a panic left behind is still a set of keys.
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl KeyRepository for PostgresKeys {
    async fn find_actor(
        &self,
        workspace: WorkspaceId,
        secret_sha256: [u8; 32],
    ) -> Result<Option<Actor>, RepositoryError> {
        let Some(key) = self.lookups.submit(workspace, secret_sha256).await?? else {
            return Ok(None);
        };
        self.note_use(key.actor, key.last_used_at);
        Ok(Some(key.actor))
    }

    async fn create(&self, key: NewApiKey, most: u32) -> Result<ApiKey, KeyError> {
        let row = self
            .database
            .run(move |connection| {
                connection.transaction(|connection| insert(connection, &key, most))
            })
            .await
            .map_err(KeyError::from)?;
        Ok(row.try_into()?)
    }

    async fn rotate(
        &self,
        workspace: WorkspaceId,
        old: KeyId,
        secret: NewSecret,
        until: DateTime<Utc>,
        most: u32,
    ) -> Result<ApiKey, KeyError> {
        let row = self
            .database
            .run(move |connection| {
                connection.transaction(|connection| {
                    rotate(connection, workspace, old, secret, until, most)
                })
            })
            .await
            .map_err(KeyError::from)?;
        Ok(row.try_into()?)
    }

    async fn find(&self, key: KeyId) -> Result<Option<ApiKey>, RepositoryError> {
        let query = api_keys::table
            .filter(api_keys::id.eq(key.0))
            .select(KeyRow::as_select());
        let row: Option<KeyRow> = self
            .database
            .run(move |connection| query.first(connection).optional().map_err(classify))
            .await?;
        row.map(ApiKey::try_from).transpose()
    }

    async fn list(&self, workspace: Option<WorkspaceId>) -> Result<Vec<ApiKey>, RepositoryError> {
        let mut query = api_keys::table
            .order(api_keys::id)
            .select(KeyRow::as_select())
            .into_boxed();
        if let Some(workspace) = workspace {
            query = query.filter(api_keys::workspace_id.eq(workspace.0));
        }
        let rows: Vec<KeyRow> = self
            .database
            .run(move |connection| query.load(connection).map_err(classify))
            .await?;
        rows.into_iter().map(ApiKey::try_from).collect()
    }

    async fn revoke(
        &self,
        workspace: WorkspaceId,
        key: KeyId,
    ) -> Result<Option<ApiKey>, RepositoryError> {
        let already_or_now =
            diesel::dsl::sql::<Nullable<Timestamptz>>("coalesce(revoked_at, now())");
        let update = diesel::update(api_keys::table.find((workspace.0, key.0)))
            .set(api_keys::revoked_at.eq(already_or_now))
            .returning(KeyRow::as_returning());
        let row: Option<KeyRow> = self
            .database
            .run(move |connection| update.get_result(connection).optional().map_err(classify))
            .await?;
        row.map(ApiKey::try_from).transpose()
    }
}
