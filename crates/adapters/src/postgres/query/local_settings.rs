//! Settings of PostgreSQL that apply to some statements of a transaction.

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;

/// Runs reads with `settings`, `SET LOCAL` statements that last until a savepoint is rolled back:
/// the transaction can go on even if a read fails. The connection must be in a transaction.
pub(crate) fn with_settings<T>(
    settings: &str,
    connection: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection) -> QueryResult<T>,
) -> QueryResult<T> {
    let mut result = None;
    #[expect(
        clippy::disallowed_methods,
        reason = "a savepoint, which is always rolled back"
    )]
    let ended: QueryResult<()> = connection.transaction(|connection| {
        connection.batch_execute(settings)?;
        result = Some(work(connection)?);
        Err(DieselError::RollbackTransaction)
    });
    match (ended, result) {
        (Err(DieselError::RollbackTransaction), Some(result)) => Ok(result),
        (Err(error), _) => Err(error),
        (Ok(()), _) => Err(DieselError::NotFound),
    }
}

/// Settings that are off so that plans read an index in its order and stop after LIMIT rows. The
/// planner has no statistics of workspaces and expects every one to be small: it would read and
/// sort all of a large one, or hash all of its devices.
const INDEX_ORDER: [&str; 5] = [
    "enable_sort",
    "enable_bitmapscan",
    "enable_seqscan",
    "enable_hashjoin",
    "enable_mergejoin",
];

/// Runs statements whose plans read indexes in order. Requires an open transaction.
pub(crate) fn in_index_order<T>(
    connection: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection) -> QueryResult<T>,
) -> QueryResult<T> {
    let set = |value: &str| {
        let settings = INDEX_ORDER.map(|name| format!("SET LOCAL {name} = {value}; "));
        settings.concat()
    };
    connection.batch_execute(&set("off"))?;
    let result = work(connection)?;
    connection.batch_execute(&set("default"))?;
    Ok(result)
}
