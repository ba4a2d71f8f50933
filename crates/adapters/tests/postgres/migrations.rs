//! The way to the schema, and back.

use devices_adapters::postgres::{migrate, pending_migrations};
use devices_tests::TestDatabase;

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

/// What is in the schema, but for the book-keeping of migrations.
fn relations(database: &TestDatabase) -> Vec<String> {
    database.texts(
        "SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace \
         WHERE nspname = 'public' AND relname NOT LIKE '\\_\\_diesel%' ORDER BY 1",
    )
}

#[test]
fn every_migration_can_be_taken_back_and_run_again() {
    let database = TestDatabase::empty();
    let ran = migrate(database.url()).unwrap();
    assert_eq!(ran.len(), files("up.sql").len());
    let schema = relations(&database);
    for down in files("down.sql").iter().rev() {
        database.execute(down);
    }
    assert_eq!(relations(&database), Vec::<String>::new());
    for up in files("up.sql") {
        database.execute(&up);
    }
    assert_eq!(relations(&database), schema);
}

#[test]
fn what_ran_is_not_run_again() {
    let database = TestDatabase::empty();
    let pending = pending_migrations(database.url()).unwrap();
    assert_eq!(pending.len(), files("up.sql").len());
    migrate(database.url()).unwrap();
    assert_eq!(
        pending_migrations(database.url()).unwrap(),
        Vec::<String>::new()
    );
    assert_eq!(migrate(database.url()).unwrap(), Vec::<String>::new());
}

#[test]
fn of_several_processes_that_migrate_at_once_one_does() {
    let database = TestDatabase::empty();
    let ran: usize = std::thread::scope(|scope| {
        let migrating: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| migrate(database.url()).unwrap().len()))
            .collect();
        migrating.into_iter().map(|one| one.join().unwrap()).sum()
    });
    assert_eq!(ran, files("up.sql").len());
}
