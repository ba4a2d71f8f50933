//! Waiting for the transactions that are writing.

use std::time::{Duration, Instant};

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, Text};

/// Interval between two checks whether the transactions have ended.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

#[derive(QueryableByName)]
struct TransactionRow {
    #[diesel(sql_type = Text)]
    virtual_transaction: String,
}

/// Waits until all transactions that have written one of these tables by now have ended. Later ones
/// do not count, so the wait takes as long as a transaction. Returns `false` if it exceeds
/// `timeout`.
///
/// Requires that no transaction is open. A statement locks its tables before it takes its snapshot:
/// a transaction that wrote devices and read the limit before this call has its lock now.
#[expect(
    clippy::disallowed_methods,
    reason = "runs on a blocking thread; other tasks do not wait"
)]
pub(crate) fn wait_for_writers(
    connection: &mut PgConnection,
    tables: &[&str],
    timeout: Duration,
) -> QueryResult<bool> {
    let deadline = Instant::now() + timeout;
    let writers: Vec<TransactionRow> = diesel::sql_query(
        "SELECT DISTINCT virtualtransaction AS virtual_transaction \
         FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database \
         WHERE datname = current_database() AND relation = ANY($1::regclass[]) \
           AND mode = 'RowExclusiveLock'",
    )
    .bind::<Array<Text>, _>(tables)
    .load(connection)?;
    let mut writers: Vec<String> = writers
        .into_iter()
        .map(|row| row.virtual_transaction)
        .collect();
    while !writers.is_empty() && Instant::now() < deadline {
        std::thread::sleep(POLL_INTERVAL);
        let running: Vec<TransactionRow> = diesel::sql_query(
            "SELECT DISTINCT virtualtransaction AS virtual_transaction FROM pg_locks \
             WHERE virtualtransaction = ANY($1)",
        )
        .bind::<Array<Text>, _>(&writers)
        .load(connection)?;
        writers = running
            .into_iter()
            .map(|row| row.virtual_transaction)
            .collect();
    }
    Ok(writers.is_empty())
}
