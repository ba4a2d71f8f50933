//! Rate limits: one token bucket per API key, shared by all servers on the database.

use async_trait::async_trait;
use devices_domain::{Actor, RateLimitDecision, RateLimiter, RepositoryError};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Double};

use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::classify;

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
struct BucketRow {
    #[diesel(sql_type = Double)]
    tokens: f64,
    #[diesel(sql_type = Bool)]
    passed: bool,
}

/// Takes a token if the bucket has one. The bucket refills evenly, by `$3` tokens per minute, and
/// holds at most `$3`. COMMIT does not wait for the disk (`synchronous_commit = off`): a crash may
/// restore the tokens that were taken in the last second.
const TAKE_TOKEN: &str = "\
    WITH asynchronous AS (SELECT set_config('synchronous_commit', 'off', true)) \
    INSERT INTO rate_limits AS bucket (workspace_id, key_id, tokens, passed, refilled_at) \
    SELECT $1, $2, $3 - 1, true, clock_timestamp() FROM asynchronous \
    ON CONFLICT (workspace_id, key_id) DO UPDATE SET (tokens, passed, refilled_at) = ( \
        SELECT filled - (filled >= 1)::int, filled >= 1, clock_timestamp() \
        FROM (SELECT least($3, bucket.tokens + $3 / 60 * greatest(0, extract( \
                  epoch FROM clock_timestamp() - bucket.refilled_at)::double precision)) AS filled \
             ) AS refilled) \
    RETURNING tokens, passed";

#[async_trait]
impl RateLimiter for PostgresRateLimiter {
    async fn take(
        &self,
        actor: Actor,
        per_minute: u32,
    ) -> Result<RateLimitDecision, RepositoryError> {
        let query = diesel::sql_query(TAKE_TOKEN)
            .bind::<BigInt, _>(actor.workspace.0)
            .bind::<BigInt, _>(actor.key.0)
            .bind::<Double, _>(f64::from(per_minute));
        let bucket: BucketRow = self
            .database
            .for_workspace(actor.workspace)
            .run(move |connection| query.get_result(connection).map_err(classify))
            .await?;
        Ok(RateLimitDecision {
            is_allowed: bucket.passed,
            remaining: bucket.tokens,
        })
    }
}
