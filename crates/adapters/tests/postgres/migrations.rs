//! Schema migrations, up and down.

use devices_adapters::postgres::{migrate, pending_migrations};
use devices_tests::TestDatabase;

/// Returns the contents of one file of every migration in SQL, oldest first.
fn files(name: &str) -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");
    let mut folders: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    let read = |folder: &std::path::PathBuf| std::fs::read_to_string(folder.join(name)).unwrap();
    folders.iter().map(read).collect()
}

/// Number of all migrations: those in SQL, and the conversion in Rust.
fn migration_count() -> usize {
    files("up.sql").len() + 1
}

/// Returns all relations of the schema except Diesel's table of migrations.
fn relations(database: &TestDatabase) -> Vec<String> {
    database.texts(
        "SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace \
         WHERE nspname = 'public' AND relname NOT LIKE '\\_\\_diesel%' ORDER BY 1",
    )
}

#[test]
fn migrations_can_be_reverted_and_run_again() {
    let database = TestDatabase::empty();
    let ran = migrate(database.url()).unwrap();
    assert_eq!(ran.len(), migration_count());
    let schema = relations(&database);
    for down in files("down.sql").iter().rev() {
        database.execute(down);
    }
    assert_eq!(relations(&database), Vec::<String>::new());
    database.execute("DELETE FROM __diesel_schema_migrations");
    assert_eq!(migrate(database.url()).unwrap(), ran);
    assert_eq!(relations(&database), schema);
}

#[test]
fn applied_migration_does_not_run_again() {
    let database = TestDatabase::empty();
    let pending = pending_migrations(database.url()).unwrap();
    assert_eq!(pending.len(), migration_count());
    migrate(database.url()).unwrap();
    assert_eq!(
        pending_migrations(database.url()).unwrap(),
        Vec::<String>::new()
    );
    assert_eq!(migrate(database.url()).unwrap(), Vec::<String>::new());
}

#[test]
fn concurrent_migrate_runs_each_migration_once() {
    let database = TestDatabase::empty();
    let ran: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| migrate(database.url()).unwrap().len()))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert_eq!(ran, migration_count());
}
