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
    let settings = INDEX_ORDER.map(|name| (name, "off"));
    with_local(&settings, connection, work)
}

/// Runs a statement that joins a table to an array, whose plan probes an index once per element.
/// Requires an open transaction.
///
/// An expensive row keeps the planner from reading all devices of a workspace, which it expects to
/// be few, and from comparing each of them with each element.
pub(crate) fn probing_index<T>(
    connection: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection) -> QueryResult<T>,
) -> QueryResult<T> {
    let mut settings = INDEX_ORDER.map(|name| (name, "off")).to_vec();
    settings.push(("cpu_tuple_cost", "10"));
    with_local(&settings, connection, work)
}

/// Runs statements with settings of the transaction, which have their defaults afterwards.
fn with_local<T>(
    settings: &[(&str, &str)],
    connection: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection) -> QueryResult<T>,
) -> QueryResult<T> {
    let set = |(name, value): (&str, &str)| format!("SET LOCAL {name} = {value}; ");
    let settings = settings.iter().copied();
    connection.batch_execute(&settings.clone().map(set).collect::<String>())?;
    let result = work(connection)?;
    let defaults = settings.map(|(name, _)| set((name, "default")));
    connection.batch_execute(&defaults.collect::<String>())?;
    Ok(result)
}
