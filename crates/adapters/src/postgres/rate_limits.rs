//! How much each key may ask for: a token bucket a key, shared by all processes on the database.

use async_trait::async_trait;
use devices_domain::{Actor, Allowance, RateLimiter, RepositoryError};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double};

use super::database::{Database, classify};

/// The token buckets, in PostgreSQL.
#[derive(Clone)]
pub struct PostgresRateLimiter {
    database: Database,
}

impl PostgresRateLimiter {
    /// Over this database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

#[derive(QueryableByName)]
struct Left {
    #[diesel(sql_type = Double)]
    tokens: f64,
}

/// What a bucket holds now: it fills evenly, and never over `$3`.
macro_rules! refilled {
    () => {
        "least($3, bucket.tokens + $3 / 60 * \
         greatest(extract(epoch FROM clock_timestamp() - bucket.refilled_at)::double precision, 0))"
    };
}

/// Takes a token if there is one; no row where there is none, and then nothing is written. Its
/// COMMIT does not wait for the disk: a crash may give back the tokens of the last second.
const TAKE: &str = concat!(
    "WITH relaxed AS (SELECT set_config('synchronous_commit', 'off', true)) \
     INSERT INTO rate_limits AS bucket (workspace_id, key_id, tokens, refilled_at) \
     SELECT $1, $2, $3 - 1, clock_timestamp() FROM relaxed \
     ON CONFLICT (workspace_id, key_id) DO UPDATE SET tokens = ",
    refilled!(),
    " - 1, refilled_at = clock_timestamp() WHERE ",
    refilled!(),
    " >= 1 RETURNING bucket.tokens"
);

const LOOK: &str = concat!(
    "SELECT ",
    refilled!(),
    " AS tokens FROM rate_limits AS bucket WHERE workspace_id = $1 AND key_id = $2"
);

#[async_trait]
impl RateLimiter for PostgresRateLimiter {
    async fn take(&self, actor: Actor, per_minute: u32) -> Result<Allowance, RepositoryError> {
        let ask = move |query: &'static str| {
            diesel::sql_query(query)
                .bind::<BigInt, _>(actor.workspace.0)
                .bind::<BigInt, _>(actor.key.0)
                .bind::<Double, _>(f64::from(per_minute))
        };
        self.database
            .run(move |connection| {
                let taken: Option<Left> = ask(TAKE)
                    .get_result(connection)
                    .optional()
                    .map_err(classify)?;
                if let Some(left) = taken {
                    return Ok(Allowance {
                        passed: true,
                        left: left.tokens,
                    });
                }
                let left: Left = ask(LOOK).get_result(connection).map_err(classify)?;
                Ok(Allowance {
                    passed: false,
                    // It may have filled since it was found empty.
                    left: left.tokens.clamp(0.0, 1.0),
                })
            })
            .await
    }
}
