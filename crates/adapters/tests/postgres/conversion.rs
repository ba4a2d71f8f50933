//! Conversion of the values that servers of the previous version stored.

use std::path::Path;

use devices_adapters::postgres::{migrate, pending_migrations};
use devices_domain::{
    DeviceFilter, DeviceId, PageRequest, PageStart, RawValue, Search, UserId, WorkspaceId,
    fold_case,
};
use devices_tests::{TestDatabase, execute};

use crate::{TestStore, Writer, block_on, device_of};

/// Creates a database with the schema of the previous version, and a workspace.
fn old_database() -> TestDatabase {
    let database = TestDatabase::empty();
    database.execute(
        "CREATE TABLE __diesel_schema_migrations (
             version varchar(50) PRIMARY KEY,
             run_on  timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP
         )",
    );
    run_migrations(&database, |name| name < "2026-11-25-000005");
    database.execute("INSERT INTO workspaces (name) VALUES ('acme')");
    database
}

/// Runs the migrations in SQL whose names meet a condition.
fn run_migrations(database: &TestDatabase, condition: impl Fn(&str) -> bool) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let entries = std::fs::read_dir(folder).unwrap();
    let mut folders: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    for folder in folders {
        let name = folder.file_name().unwrap().to_str().unwrap();
        if condition(name) {
            let version = name.split('_').next().unwrap().replace('-', "");
            database.execute(&std::fs::read_to_string(folder.join("up.sql")).unwrap());
            database.execute(&format!(
                "INSERT INTO __diesel_schema_migrations (version) VALUES ('{version}')"
            ));
        }
    }
}

/// Inserts devices with ids from `first` to `last`.
fn insert_devices(database: &TestDatabase, first: u32, last: u32) {
    database.execute(&format!(
        "INSERT INTO devices (workspace_id, id, name, type, category, is_rented, compliance,
                              connection_type)
         SELECT 1, n, 'Device ' || n, 'Laptop', 'computers', false, '{{}}', '{{}}'
         FROM generate_series({first}, {last}) AS n"
    ));
}

fn is_folding_pending(database: &TestDatabase) -> bool {
    let pending = pending_migrations(database.url()).unwrap();
    pending
        .iter()
        .any(|name| name.ends_with("fold_stored_values"))
}

/// Opens the ports on the workspace of a converted database.
async fn open(database: TestDatabase) -> (TestStore, Writer) {
    let store = TestStore::on(database);
    let workspace = WorkspaceId(1);
    let writer = Writer {
        devices: store.devices(workspace),
        workspace,
        key: store.key(workspace).await,
        interface: devices_domain::Interface::Api,
    };
    (store, writer)
}

async fn find(writer: &Writer, filter: DeviceFilter) -> Vec<DeviceId> {
    let page = PageRequest {
        limit: 100,
        start: PageStart::Offset(0),
    };
    let page = writer.devices.list(filter, page).await.unwrap();
    page.items.iter().map(|stored| stored.device.id).collect()
}

async fn search(writer: &Writer, text: &str) -> Vec<DeviceId> {
    let filter = DeviceFilter {
        search: Search::parse(text).unwrap(),
        ..DeviceFilter::default()
    };
    find(writer, filter).await
}

#[test]
fn stored_values_are_found_after_the_conversion() {
    let database = old_database();
    database.execute(
        "INSERT INTO users (workspace_id, id, email, first_name, deleted_at) VALUES
             (1, 1, 'Straße@Example.com', 'Zoé', NULL),
             (1, 2, U&'gra\\0302ce@example.com', NULL, NULL),
             (1, 3, 'STRASSE@example.com', NULL, now());
         INSERT INTO devices (workspace_id, id, name, type, category, serial_number,
                              serial_number_folded, comment, is_rented, user_id, deleted_at,
                              compliance, connection_type)
         VALUES (1, 11, 'Straße', 'Ноутбук', 'computers', 'sn-1', 'SN-1', NULL, false, 1, NULL,
                 '{}', '{}'),
                (1, 12, U&'Gra\\0302ce', 'laptop', 'Computers', NULL, NULL, 'near the door', false,
                 NULL, NULL, '{}', '{}'),
                (1, 13, 'Archived', 'laptop', 'computers', NULL, NULL, NULL, false, NULL, now(),
                 '{}', '{}');
         SELECT setval('devices_id_seq', 13), setval('users_id_seq', 3)",
    );
    let ran = migrate(database.url()).unwrap();
    assert!(ran.iter().any(|name| name.ends_with("fold_stored_values")));
    assert_eq!(
        database
            .texts("SELECT concat_ws(' ', type_folded, category_folded) FROM devices ORDER BY id"),
        ["ноутбук", "computers", ""]
    );
    block_on(async {
        let (_store, acme) = open(database).await;
        for (text, ids) in [
            ("STRASSE", vec![11]),
            ("ноут zoe", vec![11]),
            ("n-1", vec![11]),
            ("grace", vec![12]),
            ("door laptop", vec![12]),
            ("archived", vec![]),
        ] {
            let ids: Vec<_> = ids.into_iter().map(DeviceId).collect();
            assert_eq!(search(&acme, text).await, ids, "{text}");
        }
        for (type_, category, id) in [
            (Some("НОУТБУК"), None, 11),
            (Some("Laptop"), None, 12),
            (Some("laptop"), Some("computers"), 12),
        ] {
            let fold = |text: Option<&str>| text.map(|text| fold_case(text).into_owned());
            let filter = DeviceFilter {
                type_: fold(type_),
                category: fold(category),
                ..DeviceFilter::default()
            };
            assert_eq!(find(&acme, filter).await, [DeviceId(id)], "{type_:?}");
        }
        for (email, user) in [("strasse@EXAMPLE.com", 1), ("GRÂCE@example.com", 2)] {
            let new = device_of([("user_email", RawValue::text(email))]);
            let created = acme.create(vec![new]).await.unwrap();
            assert_eq!(created[0].assignee, Some(UserId(user)));
        }
    });
}

#[test]
fn second_run_converts_nothing() {
    let database = old_database();
    insert_devices(&database, 1, 3);
    migrate(database.url()).unwrap();
    let rows = "SELECT devices.xmin || ' ' || search_documents.xmin FROM devices
                JOIN search_documents ON device_id = id ORDER BY id";
    let before = database.texts(rows);
    assert_eq!(before.len(), 3);
    database.execute("DELETE FROM __diesel_schema_migrations WHERE version = '20261125000006'");
    assert_eq!(migrate(database.url()).unwrap().len(), 1);
    assert_eq!(database.texts(rows), before);
}

#[test]
fn conversion_probes_the_index_once_per_device() {
    const DEVICES: u32 = 10_000;
    let database = old_database();
    insert_devices(&database, 1, DEVICES);
    migrate(database.url()).unwrap();
    // A connection reports what it read at the latest when it ends.
    database.wait_for_other_connections_to_end();
    let probes = database.texts(
        "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'search_documents_pkey'",
    );
    let probes: u32 = probes[0].parse().unwrap();
    // Once by the conversion, and possibly once by the migration that requires its results.
    assert!((DEVICES..=2 * DEVICES).contains(&probes), "{probes} probes");
}

#[test]
fn colliding_addresses_stop_the_conversion() {
    let database = old_database();
    insert_devices(&database, 1, 3);
    database.execute(
        "INSERT INTO workspaces (name) VALUES ('globex');
         INSERT INTO users (workspace_id, id, email, deleted_at) VALUES
             (1, 1, 'straße@acme.test', NULL),
             (1, 2, 'ada@acme.test', NULL),
             (1, 3, 'STRASSE@acme.test', NULL),
             (1, 4, 'strasse@ACME.test', now()),
             (2, 5, 'strasse@acme.test', NULL)",
    );
    let error = migrate(database.url()).unwrap_err().to_string();
    assert!(error.contains("users 1 and 3 of workspace 1."), "{error}");
    assert!(error.contains("devices-api migrate"), "{error}");
    assert!(!error.contains("acme.test"), "{error}");
    assert!(is_folding_pending(&database));
    assert_eq!(database.count("users WHERE email_folded IS NOT NULL"), 0);
    assert_eq!(database.count("search_documents"), 0);
    // A server of the previous version can still change the address.
    database.execute("UPDATE users SET email = 'grace@acme.test' WHERE id = 3");
    migrate(database.url()).unwrap();
    assert_eq!(
        pending_migrations(database.url()).unwrap(),
        Vec::<String>::new()
    );
}

/// Runs `migrate` while the device with the id 2,200 is locked, which is in the second batch of
/// the devices from 1,001 to 2,500. Calls `meanwhile` when the conversion waits for it.
fn migrate_with_pause(
    database: &TestDatabase,
    meanwhile: impl FnOnce(),
) -> Result<Vec<String>, String> {
    insert_devices(database, 1_001, 2_500);
    // Changes the table, which the lock would prevent.
    run_migrations(database, |name| name.starts_with("2026-11-25-000005"));
    let mut lock = database.connect();
    execute(
        &mut lock,
        "BEGIN; SELECT FROM devices WHERE id = 2200 FOR UPDATE",
    );
    std::thread::scope(|scope| {
        let migration = scope.spawn(|| migrate(database.url()));
        database.wait_for_blocked_statement();
        meanwhile();
        drop(lock);
        let result = migration.join().unwrap();
        result.map_err(|error| error.to_string())
    })
}

#[test]
fn interrupted_conversion_continues() {
    let database = old_database();
    let rows = "SELECT search_documents.xmin FROM search_documents ORDER BY device_id LIMIT 1000";
    let mut first_batch = Vec::new();
    let interrupted = migrate_with_pause(&database, || {
        first_batch = database.texts(rows);
        database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'",
        );
    });
    assert!(interrupted.is_err());
    assert_eq!(first_batch.len(), 1_000);
    assert!(is_folding_pending(&database));
    migrate(database.url()).unwrap();
    assert_eq!(database.count("search_documents"), 1_500);
    assert_eq!(database.texts(rows), first_batch);
}

#[test]
fn next_run_converts_changes_of_old_servers() {
    let database = old_database();
    database.execute("INSERT INTO users (workspace_id, email) VALUES (1, 'ada@acme.test')");
    let first = migrate_with_pause(&database, || {
        insert_devices(&database, 1, 1);
        database.execute(
            "UPDATE devices SET name = 'Renamed', updated_at = now() WHERE id = 1001;
             UPDATE users SET email = 'GRACE@acme.test'",
        );
    });
    let error = first.unwrap_err();
    assert!(error.contains("server of the previous version"), "{error}");
    assert!(is_folding_pending(&database));
    migrate(database.url()).unwrap();
    assert_eq!(database.count("search_documents"), 1_501);
    assert_eq!(
        database.texts("SELECT email_folded FROM users"),
        ["grace@acme.test"]
    );
    block_on(async {
        let (_store, acme) = open(database).await;
        assert_eq!(search(&acme, "renamed").await, [DeviceId(1_001)]);
        assert_eq!(search(&acme, "1001").await, []);
    });
}
