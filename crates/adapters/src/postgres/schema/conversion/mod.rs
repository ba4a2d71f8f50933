//! Migration `2026-11-25-000006_fold_stored_values`: folds the stored values, and builds the search
//! documents of the stored devices and users (ADR 21).
//!
//! Written in Rust, because the application folds and PostgreSQL does not. Works in batches, each
//! in a transaction of its own, and skips what it has converted already. It can be interrupted and
//! run again. Reads only columns that exist since the migration before it.

mod collisions;
mod devices;
mod users;

use std::fmt;
use std::time::{Duration, Instant};

use diesel::connection::{BoxableConnection, SimpleConnection};
use diesel::migration::{Migration, MigrationMetadata, MigrationName, MigrationVersion, Result};
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::postgres::schema::steps::downcast;

/// Name of the migration.
const NAME: &str = "2026-11-25-000006_fold_stored_values";
/// Version of the migration, in the format that Diesel derives from the names of folders.
const VERSION: &str = "20261125000006";
/// Version of the migration that requires the converted values.
const NEXT_VERSION: &str = "20261125000007";

/// Number of rows per transaction.
const BATCH_SIZE: i64 = 1_000;

/// Settings that are off during the conversion, so that each batch reads its rows in the order of
/// the primary key. The planner cannot know how many rows are not converted yet. It expects fewer
/// than a batch, and would read and sort all of them for each batch.
const SORTS: &str = "enable_sort";
const INCREMENTAL_SORTS: &str = "enable_incremental_sort";

/// The migration.
pub(crate) struct FoldStoredValues;

impl Migration<Pg> for FoldStoredValues {
    fn run(&self, connection: &mut dyn BoxableConnection<Pg>) -> Result<()> {
        let connection = downcast(connection)?;
        connection.batch_execute(&format!("SET {SORTS} = off; SET {INCREMENTAL_SORTS} = off"))?;
        collisions::check(connection)?;
        convert_all(connection, "users", users::convert_batch)?;
        convert_all(connection, "devices", devices::convert_batch)?;
        connection.batch_execute(&format!("RESET {SORTS}; RESET {INCREMENTAL_SORTS}"))?;
        Ok(())
    }

    /// Does nothing: the migration before it drops the columns.
    fn revert(&self, _: &mut dyn BoxableConnection<Pg>) -> Result<()> {
        Ok(())
    }

    fn metadata(&self) -> &dyn MigrationMetadata {
        self
    }

    fn name(&self) -> &dyn MigrationName {
        self
    }
}

impl MigrationMetadata for FoldStoredValues {
    /// Returns `false`: batches are committed one by one, and Diesel records the migration after
    /// the last one.
    fn run_in_transaction(&self) -> bool {
        false
    }
}

impl MigrationName for FoldStoredValues {
    fn version(&self) -> MigrationVersion<'_> {
        VERSION.into()
    }
}

impl fmt::Display for FoldStoredValues {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(NAME)
    }
}

/// Prepares the next run of the conversion after the migration with this version failed. If that
/// migration requires the converted values, a server of the previous version may have stored
/// others: the conversion is recorded as not done.
pub(crate) fn repeat_after_failure_of(
    connection: &mut PgConnection,
    version: &MigrationVersion<'_>,
) -> QueryResult<()> {
    if version.to_string() == NEXT_VERSION {
        diesel::sql_query("DELETE FROM __diesel_schema_migrations WHERE version = $1")
            .bind::<Text, _>(VERSION)
            .execute(connection)?;
    }
    Ok(())
}

/// Position of a row: its workspace and its id.
type Position = (i64, i64);

/// Function that converts a batch of the rows after a position. Returns the position of the last
/// row of the batch and the number of its rows, or `None` if no row is left.
type ConvertBatch = fn(&mut PgConnection, Position) -> QueryResult<Option<(Position, usize)>>;

/// Converts all rows, and logs the progress of long work.
fn convert_all(
    connection: &mut PgConnection,
    rows: &str,
    convert: ConvertBatch,
) -> QueryResult<()> {
    const LOG_INTERVAL: Duration = Duration::from_secs(5);
    let (mut after, mut converted) = ((0, 0), 0);
    let mut logged_at = Instant::now();
    loop {
        #[expect(
            clippy::disallowed_methods,
            reason = "after a lost COMMIT the next run finds out which rows are converted"
        )]
        let batch = connection.transaction(|connection| convert(connection, after))?;
        let Some((last, count)) = batch else {
            return Ok(());
        };
        (after, converted) = (last, converted + count);
        if logged_at.elapsed() >= LOG_INTERVAL {
            tracing::info!(converted, "converting stored {rows}");
            logged_at = Instant::now();
        }
    }
}
