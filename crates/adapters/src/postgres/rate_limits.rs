//! Rate limits: a token bucket per API key and one per workspace, shared by all servers on the
//! database.

use std::num::NonZeroU32;
use std::sync::LazyLock;

use async_trait::async_trait;
use devices_domain::{
    Actor, RateLimitDecision, RateLimiter, RateLimits, RepositoryError, TokenBucket,
};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Double, Nullable};

use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::classify;
use crate::postgres::query::prepared::prepared;

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

/// Takes a token of the key `$2` and one of its workspace `$1`, whose limits per minute are `$3`
/// and `$4`, NULL for none. COMMIT does not wait for the disk (`synchronous_commit = off`): a crash
/// may restore the tokens that were taken in the last second.
static TAKE_TOKENS: LazyLock<String> = LazyLock::new(|| {
    let key = TokenSql {
        table: "rate_limits",
        bucket: "workspace_id, key_id",
        values: "$1, $2",
        limit: "$3",
        condition: "true",
    };
    let workspace = TokenSql {
        table: "workspace_rate_limits",
        bucket: "workspace_id",
        values: "$1",
        limit: "$4",
        condition: "NOT EXISTS (SELECT FROM key_bucket WHERE NOT passed)",
    };
    format!(
        "WITH asynchronous AS (SELECT set_config('synchronous_commit', 'off', true)), \
              key_bucket AS ({}), workspace_bucket AS ({}) \
         SELECT key_bucket.tokens AS key_tokens, key_bucket.passed AS key_passed, \
                workspace_bucket.tokens AS workspace_tokens, \
                workspace_bucket.passed AS workspace_passed \
         FROM asynchronous LEFT JOIN key_bucket ON true LEFT JOIN workspace_bucket ON true",
        key.take(),
        workspace.take(),
    )
});

/// SQL of one kind of bucket.
struct TokenSql {
    table: &'static str,
    /// Columns of the primary key, and their values.
    bucket: &'static str,
    values: &'static str,
    /// Parameter with the limit.
    limit: &'static str,
    /// Condition under which a token is taken.
    condition: &'static str,
}

impl TokenSql {
    /// Returns the statement that takes a token if the bucket has one. The bucket refills evenly.
    fn take(&self) -> String {
        let Self {
            table,
            bucket,
            values,
            limit,
            condition,
        } = self;
        // A request that waited for the row may have read the clock before the one that it waited
        // for: time never runs backwards.
        format!(
            "INSERT INTO {table} AS bucket ({bucket}, tokens, passed, refilled_at) \
             SELECT {values}, {limit} - 1, true, clock_timestamp() FROM asynchronous \
             WHERE {limit} IS NOT NULL AND {condition} \
             ON CONFLICT ({bucket}) DO UPDATE SET (tokens, passed, refilled_at) = ( \
                 SELECT filled - (filled >= 1)::int, filled >= 1, \
                        greatest(bucket.refilled_at, excluded.refilled_at) \
                 FROM (SELECT least({limit}, bucket.tokens + {limit} / 60 * greatest(0, extract( \
                     epoch FROM excluded.refilled_at - bucket.refilled_at)::double precision) \
                 ) AS filled) AS refilled) \
             RETURNING tokens, passed"
        )
    }
}

#[async_trait]
impl RateLimiter for PostgresRateLimiter {
    async fn take(
        &self,
        actor: Actor,
        limits: RateLimits,
    ) -> Result<RateLimitDecision, RepositoryError> {
        let per_minute = |limit: Option<NonZeroU32>| limit.map(|limit| f64::from(limit.get()));
        let query = prepared(TAKE_TOKENS.as_str())
            .bind::<BigInt, _>(actor.workspace.0)
            .bind::<BigInt, _>(actor.key.0)
            .bind::<Nullable<Double>, _>(per_minute(limits.key))
            .bind::<Nullable<Double>, _>(per_minute(limits.workspace));
        let buckets: BucketsRow = self
            .database
            .for_workspace(actor.workspace)
            .run(move |connection| query.get_result(connection).map_err(classify))
            .await?;
        Ok(RateLimitDecision {
            key: token_bucket(buckets.key_passed, buckets.key_tokens),
            workspace: token_bucket(buckets.workspace_passed, buckets.workspace_tokens),
        })
    }
}

fn token_bucket(passed: Option<bool>, tokens: Option<f64>) -> Option<TokenBucket> {
    Some(TokenBucket {
        is_allowed: passed?,
        remaining: tokens?,
    })
}
