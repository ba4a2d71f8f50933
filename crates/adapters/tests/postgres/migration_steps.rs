//! Migrations that run in steps: interrupted ones, concurrent ones, and repeated steps.

use std::path::Path;
use std::thread;

use devices_adapters::postgres::migrate_from;
use devices_tests::{TestDatabase, execute};
use diesel::migration::{Migration, MigrationSource, Result};
use diesel::pg::Pg;
use diesel_migrations::FileBasedMigrations;

/// Two migrations: a table with 1,000 rows, and steps that convert the rows in batches and create
/// an index.
const STEPWISE: &str = "tests/migrations";

/// The first migrations of a folder.
struct First {
    folder: &'static str,
    count: usize,
}

impl MigrationSource<Pg> for First {
    fn migrations(&self) -> Result<Vec<Box<dyn Migration<Pg>>>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(self.folder);
        let mut migrations = FileBasedMigrations::from_path(folder)?.migrations()?;
        migrations.sort_by_key(|migration| Migration::<Pg>::name(migration).version().as_owned());
        migrations.truncate(self.count);
        Ok(migrations)
    }
}

fn first(count: usize) -> First {
    First {
        folder: STEPWISE,
        count,
    }
}

/// Creates a database with the table, before the stepwise migration.
fn database_with_rows() -> TestDatabase {
    let database = TestDatabase::empty();
    migrate_from(database.url(), &first(1)).unwrap();
    database
}

/// Returns the index and whether it is valid.
fn index(database: &TestDatabase) -> Vec<String> {
    database.texts(
        "SELECT indexrelid::regclass || ' ' || indisvalid FROM pg_index \
         WHERE indexrelid = to_regclass('items_folded_key')",
    )
}

/// Waits until the index waits for an older transaction.
fn wait_for_index(database: &TestDatabase) {
    let waits = "query LIKE '%INDEX CONCURRENTLY%' AND wait_event_type = 'Lock'";
    database.wait_for_session(waits);
}

fn terminate_migration(database: &TestDatabase) {
    database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
}

#[test]
fn concurrent_runs_over_an_index_both_succeed() {
    let database = database_with_rows();
    // The index waits for this transaction, so the second run begins before the index is complete.
    let mut writer = database.connect();
    execute(&mut writer, "BEGIN; LOCK TABLE items IN ROW EXCLUSIVE MODE");
    let ran: usize = thread::scope(|scope| {
        let migrate = || migrate_from(database.url(), &first(2)).unwrap().len();
        let builds = scope.spawn(migrate);
        wait_for_index(&database);
        let waits = scope.spawn(migrate);
        database.wait_for_session("query LIKE '%advisory_lock%'");
        // PostgreSQL looks for deadlocks after one second.
        database.execute("SELECT pg_sleep(1.5)");
        execute(&mut writer, "COMMIT");
        builds.join().unwrap() + waits.join().unwrap()
    });
    assert_eq!(ran, 1);
    assert_eq!(index(&database), ["items_folded_key true"]);
}

#[test]
fn interrupted_index_is_built_again() {
    let database = database_with_rows();
    let mut writer = database.connect();
    execute(&mut writer, "BEGIN; LOCK TABLE items IN ROW EXCLUSIVE MODE");
    thread::scope(|scope| {
        let interrupted = scope.spawn(|| migrate_from(database.url(), &first(2)).is_err());
        wait_for_index(&database);
        terminate_migration(&database);
        assert!(interrupted.join().unwrap());
    });
    execute(&mut writer, "COMMIT");
    assert_eq!(index(&database), ["items_folded_key false"]);
    assert_eq!(migrate_from(database.url(), &first(2)).unwrap().len(), 1);
    assert_eq!(index(&database), ["items_folded_key true"]);
}

#[test]
fn interrupted_conversion_is_continued() {
    let database = database_with_rows();
    let mut writer = database.connect();
    execute(
        &mut writer,
        "BEGIN; UPDATE items SET name = 'X' WHERE id = 1000",
    );
    thread::scope(|scope| {
        let interrupted = scope.spawn(|| migrate_from(database.url(), &first(2)).is_err());
        database.wait_for_blocked_statement();
        terminate_migration(&database);
        assert!(interrupted.join().unwrap());
    });
    execute(&mut writer, "ROLLBACK");
    assert_eq!(database.count("items WHERE folded IS NOT NULL"), 900);
    assert_eq!(migrate_from(database.url(), &first(2)).unwrap().len(), 1);
    assert_eq!(database.count("items WHERE folded = lower(name)"), 1_000);
}

#[test]
fn failed_index_is_built_again() {
    let database = database_with_rows();
    database.execute("INSERT INTO items (name) VALUES ('n1')");
    let error = migrate_from(database.url(), &first(2)).unwrap_err();
    assert!(error.to_string().contains("items_folded_key"), "{error}");
    assert_eq!(index(&database), ["items_folded_key false"]);
    database.execute("DELETE FROM items WHERE id > 1000");
    assert_eq!(migrate_from(database.url(), &first(2)).unwrap().len(), 1);
    assert_eq!(index(&database), ["items_folded_key true"]);
}

#[test]
fn steps_of_all_migrations_can_be_repeated() {
    let database = TestDatabase::empty();
    let folder = "../../migrations";
    let all = First {
        folder,
        count: usize::MAX,
    };
    for (index, migration) in all.migrations().unwrap().iter().enumerate() {
        let source = First {
            folder,
            count: index + 1,
        };
        migrate_from(database.url(), &source).unwrap();
        if !migration.metadata().run_in_transaction() {
            let version = migration.name().version();
            database.execute(&format!(
                "DELETE FROM __diesel_schema_migrations WHERE version = '{version}'"
            ));
            let again = migrate_from(database.url(), &source);
            assert_eq!(again.unwrap(), [migration.name().to_string()]);
        }
    }
}
