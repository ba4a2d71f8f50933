//! Rate limits: a token bucket per API key and one per workspace, shared by all servers on the
//! database.

use std::num::NonZeroU32;
use std::sync::LazyLock;

use async_trait::async_trait;
use devices_domain::{
    Actor, RateLimitDecision, RateLimiter, RateLimits, RepositoryError, TokenBucket,
};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Double, Nullable};

use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::classify;
use crate::postgres::query::prepared::{PreparedSql, prepared};

/// The token buckets, in PostgreSQL.
#[derive(Clone)]
pub struct PostgresRateLimiter {
    database: Database,
}

impl PostgresRateLimiter {
    /// Creates a rate limiter on this database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

#[derive(QueryableByName)]
struct BucketsRow {
    #[diesel(sql_type = Nullable<Double>)]
    key_tokens: Option<f64>,
    #[diesel(sql_type = Nullable<Bool>)]
    key_passed: Option<bool>,
    #[diesel(sql_type = Nullable<Double>)]
    workspace_tokens: Option<f64>,
    #[diesel(sql_type = Nullable<Bool>)]
    workspace_passed: Option<bool>,
}

impl BucketsRow {
    /// Returns whether no bucket is missing.
    fn is_complete(&self, limits: RateLimits) -> bool {
        let has_key = limits.key.is_none() || self.key_passed.is_some();
        let has_workspace = limits.workspace.is_none() || self.workspace_passed.is_some();
        has_key && (has_workspace || self.key_passed == Some(false))
    }
}

/// SQL of the two buckets of a request: of the key `$2` and of its workspace `$1`.
///
/// A bucket without a limit is not in a statement. A condition on its parameter would be false, and
/// a cluster cannot route a statement whose CTE changes nothing.
struct Buckets {
    take: String,
    create: Vec<String>,
}

/// Buckets of a key, of a workspace, and of both.
static KEY: LazyLock<Buckets> = LazyLock::new(|| Buckets::new(true, false));
static WORKSPACE: LazyLock<Buckets> = LazyLock::new(|| Buckets::new(false, true));
static KEY_AND_WORKSPACE: LazyLock<Buckets> = LazyLock::new(|| Buckets::new(true, true));

impl Buckets {
    /// Returns the buckets that have a limit.
    fn limited(limits: RateLimits) -> Option<&'static Self> {
        match (limits.key, limits.workspace) {
            (Some(_), Some(_)) => Some(&KEY_AND_WORKSPACE),
            (Some(_), None) => Some(&KEY),
            (None, Some(_)) => Some(&WORKSPACE),
            (None, None) => None,
        }
    }

    fn new(has_key: bool, has_workspace: bool) -> Self {
        let key = TokenSql {
            name: "key",
            table: "rate_limits",
            id: Some(("key_id", "$2")),
            limit: "$3",
            condition: "",
        };
        // A rejected request takes no token of the workspace.
        let workspace = TokenSql {
            name: "workspace",
            table: "workspace_rate_limits",
            id: None,
            limit: "$4",
            condition: if has_key {
                " AND EXISTS (SELECT FROM key_bucket WHERE passed)"
            } else {
                ""
            },
        };
        let (mut ctes, mut columns, mut joins) = (Vec::new(), Vec::new(), Vec::new());
        let mut create = Vec::new();
        for (sql, is_limited) in [(key, has_key), (workspace, has_workspace)] {
            let name = sql.name;
            if is_limited {
                ctes.push(format!(", {name}_bucket AS ({})", sql.take()));
                columns.push(format!(
                    "{name}_bucket.tokens AS {name}_tokens, {name}_bucket.passed AS {name}_passed"
                ));
                joins.push(format!(" LEFT JOIN {name}_bucket ON true"));
                create.push(sql.create());
            } else {
                columns.push(format!(
                    "NULL::double precision AS {name}_tokens, NULL::boolean AS {name}_passed"
                ));
            }
        }
        // COMMIT does not wait for the disk: a crash may restore the tokens that were taken in the
        // last second.
        Self {
            take: format!(
                "WITH asynchronous AS (SELECT set_config('synchronous_commit', 'off', true)){} \
                 SELECT {} FROM asynchronous{}",
                ctes.concat(),
                columns.join(", "),
                joins.concat()
            ),
            create,
        }
    }

    /// Takes a token from each bucket. Returns NULL for a bucket that does not exist yet.
    fn take(
        &self,
        connection: &mut PgConnection,
        actor: Actor,
        limits: RateLimits,
    ) -> QueryResult<BucketsRow> {
        statement(&self.take, actor, limits).get_result(connection)
    }

    /// Creates the missing buckets, full.
    fn create(
        &self,
        connection: &mut PgConnection,
        actor: Actor,
        limits: RateLimits,
    ) -> QueryResult<()> {
        for create in &self.create {
            statement(create, actor, limits).execute(connection)?;
        }
        Ok(())
    }
}

/// Binds the parameters of a statement. All of them: their types do not depend on the text.
fn statement(text: &str, actor: Actor, limits: RateLimits) -> PreparedSql<'static> {
    let per_minute = |limit: Option<NonZeroU32>| limit.map(|limit| f64::from(limit.get()));
    prepared(text)
        .bind::<BigInt, _>(actor.workspace.0)
        .bind::<BigInt, _>(actor.key.0)
        .bind::<Nullable<Double>, _>(per_minute(limits.key))
        .bind::<Nullable<Double>, _>(per_minute(limits.workspace))
}

/// SQL of one kind of bucket.
struct TokenSql {
    name: &'static str,
    table: &'static str,
    /// Column of the primary key beside `workspace_id`, and its value.
    id: Option<(&'static str, &'static str)>,
    /// Parameter with the limit.
    limit: &'static str,
    /// Further condition under which a token is taken.
    condition: &'static str,
}

impl TokenSql {
    /// Returns the statement that takes a token if the bucket has one. The bucket refills evenly.
    fn take(&self) -> String {
        let Self {
            table,
            limit,
            condition,
            ..
        } = self;
        let id = self.id.map_or(String::new(), |(column, value)| {
            format!(" AND {table}.{column} = {value}")
        });
        // A request that waited for the row may have started before the one that it waited for:
        // time never runs backwards.
        format!(
            "UPDATE {table} SET (tokens, passed, refilled_at) = ( \
                 SELECT filled - (filled >= 1)::int, filled >= 1, \
                        greatest({table}.refilled_at, now()) \
                 FROM (SELECT least({limit}, {table}.tokens + {limit} / 60 * greatest(0, extract( \
                     epoch FROM now() - {table}.refilled_at)::double precision) \
                 ) AS filled) AS refilled) \
             FROM asynchronous WHERE {table}.workspace_id = $1{id}{condition} \
             RETURNING tokens, passed"
        )
    }

    /// Returns the statement that creates a full bucket if there is none.
    fn create(&self) -> String {
        let Self { table, limit, .. } = self;
        let (column, value) = self
            .id
            .map_or((String::new(), String::new()), |(column, value)| {
                (format!(", {column}"), format!(", {value}"))
            });
        format!(
            "INSERT INTO {table} (workspace_id{column}, tokens, passed, refilled_at) \
             VALUES ($1{value}, {limit}, true, now()) ON CONFLICT DO NOTHING"
        )
    }
}

/// Takes a token from each bucket, and creates those that are missing.
fn take_tokens(
    buckets: &Buckets,
    connection: &mut PgConnection,
    actor: Actor,
    limits: RateLimits,
) -> QueryResult<BucketsRow> {
    let taken = buckets.take(connection, actor, limits)?;
    if taken.is_complete(limits) {
        return Ok(taken);
    }
    // The first request with this limit. A token that was taken is not taken again.
    let rest = if taken.key_passed.is_some() {
        &WORKSPACE
    } else {
        buckets
    };
    rest.create(connection, actor, limits)?;
    let rest = rest.take(connection, actor, limits)?;
    Ok(BucketsRow {
        key_tokens: taken.key_tokens.or(rest.key_tokens),
        key_passed: taken.key_passed.or(rest.key_passed),
        ..rest
    })
}

#[async_trait]
impl RateLimiter for PostgresRateLimiter {
    async fn take(
        &self,
        actor: Actor,
        limits: RateLimits,
    ) -> Result<RateLimitDecision, RepositoryError> {
        self.database
            .for_workspace(actor.workspace)
            .run(move |connection| take(connection, actor, limits).map_err(classify))
            .await
    }
}

/// Takes a token from each bucket that has a limit.
pub(crate) fn take(
    connection: &mut PgConnection,
    actor: Actor,
    limits: RateLimits,
) -> QueryResult<RateLimitDecision> {
    let Some(buckets) = Buckets::limited(limits) else {
        return Ok(RateLimitDecision::UNLIMITED);
    };
    let taken = take_tokens(buckets, connection, actor, limits)?;
    Ok(RateLimitDecision {
        key: token_bucket(taken.key_passed, taken.key_tokens),
        workspace: token_bucket(taken.workspace_passed, taken.workspace_tokens),
    })
}

fn token_bucket(passed: Option<bool>, tokens: Option<f64>) -> Option<TokenBucket> {
    Some(TokenBucket {
        is_allowed: passed?,
        remaining: tokens?,
    })
}
