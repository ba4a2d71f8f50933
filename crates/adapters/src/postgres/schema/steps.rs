//! Migrations that run in steps, each in a transaction of its own.
//!
//! For changes that would lock a large table for long in one transaction: indexes that are built
//! `CONCURRENTLY`, which PostgreSQL rejects in a transaction, and data that is converted in
//! batches. `run_in_transaction = false` in the `metadata.toml` of the migration selects it.

use std::any::Any;

use diesel::connection::{BoxableConnection, SimpleConnection};
use diesel::migration::{Migration, MigrationMetadata, MigrationName, Result};
use diesel::pg::{Pg, PgConnection};
use diesel::sql_types::{Bool, Text};
use diesel::{QueryResult, QueryableByName, RunQueryDsl, sql_query};

use crate::postgres::schema::migrations::LOCK_TIMEOUT;

/// Line between two steps.
const SEPARATOR: &str = "-- next step";

/// A migration in SQL that runs step by step.
///
/// Diesel records it after the last step. If it is interrupted, the next run begins with the first
/// step again: each step must have no effect if it has run before.
pub(crate) struct StepwiseMigration {
    migration: Box<dyn Migration<Pg>>,
    steps: Vec<String>,
}

/// Splits `migration` into its steps if it must not run in a transaction. Returns any other
/// migration, and those in Rust, unchanged.
pub(crate) fn in_steps(migration: Box<dyn Migration<Pg>>) -> Box<dyn Migration<Pg>> {
    let mut sql = CapturedSql::default();
    // A migration in Rust fails without a PgConnection.
    if migration.metadata().run_in_transaction() || migration.run(&mut sql).is_err() {
        return migration;
    }
    let lines: Vec<&str> = sql.0.lines().collect();
    let steps = lines.split(|line| line.trim() == SEPARATOR);
    Box::new(StepwiseMigration {
        steps: steps.map(|lines| lines.join("\n")).collect(),
        migration,
    })
}

impl Migration<Pg> for StepwiseMigration {
    fn run(&self, connection: &mut dyn BoxableConnection<Pg>) -> Result<()> {
        let connection = downcast(connection)?;
        for step in &self.steps {
            run_step(connection, step)?;
        }
        Ok(())
    }

    fn revert(&self, connection: &mut dyn BoxableConnection<Pg>) -> Result<()> {
        self.migration.revert(connection)
    }

    fn metadata(&self) -> &dyn MigrationMetadata {
        self.migration.metadata()
    }

    fn name(&self) -> &dyn MigrationName {
        self.migration.name()
    }
}

fn run_step(connection: &mut PgConnection, step: &str) -> QueryResult<()> {
    if let Some(index) = concurrent_index(step) {
        drop_invalid_index(connection, index)?;
    }
    let lock_timeout = if step.contains(" CONCURRENTLY ") {
        // Waits for all older transactions, but blocks no reads and writes meanwhile. After a
        // timeout, the index would have to be built again.
        0
    } else {
        LOCK_TIMEOUT.as_millis()
    };
    connection.batch_execute(&format!("SET lock_timeout = {lock_timeout}"))?;
    connection.batch_execute(step)?;
    connection.batch_execute(&format!("SET lock_timeout = {}", LOCK_TIMEOUT.as_millis()))
}

/// Returns the name of the index that a step creates `CONCURRENTLY`.
fn concurrent_index(step: &str) -> Option<&str> {
    let (_, rest) = step.split_once("INDEX CONCURRENTLY IF NOT EXISTS")?;
    rest.split_whitespace().next()
}

#[derive(QueryableByName)]
struct IndexRow {
    #[diesel(sql_type = Bool)]
    is_invalid: bool,
}

/// Drops an index that an interrupted or failed `CREATE INDEX CONCURRENTLY` left behind. PostgreSQL
/// does not use such an index, but `IF NOT EXISTS` would keep it.
/// <https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY>
fn drop_invalid_index(connection: &mut PgConnection, index: &str) -> QueryResult<()> {
    let is_invalid = "SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass($1) \
                                     AND NOT indisvalid) AS is_invalid";
    let row: IndexRow = sql_query(is_invalid)
        .bind::<Text, _>(index)
        .get_result(connection)?;
    if row.is_invalid {
        connection.batch_execute(&format!("DROP INDEX {index}"))?;
    }
    Ok(())
}

/// Returns the connection of a migration in Rust.
pub(crate) fn downcast(connection: &mut dyn BoxableConnection<Pg>) -> Result<&mut PgConnection> {
    let connection = connection.downcast_mut::<PgConnection>();
    connection.ok_or_else(|| "the connection is not a PgConnection".into())
}

/// Captures the SQL of a migration instead of running it: [`Migration`] does not return it.
#[derive(Default)]
struct CapturedSql(String);

impl SimpleConnection for CapturedSql {
    fn batch_execute(&mut self, sql: &str) -> QueryResult<()> {
        self.0.push_str(sql);
        Ok(())
    }
}

impl BoxableConnection<Pg> for CapturedSql {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS\n    a_key ON a (b)",
        Some("a_key")
    )]
    #[case("CREATE INDEX a_key ON a (b)", None)]
    fn created_index_is_found(#[case] step: &str, #[case] name: Option<&str>) {
        assert_eq!(concurrent_index(step), name);
    }
}
