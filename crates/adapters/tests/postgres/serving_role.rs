//! Privileges of the serving role.

use devices_adapters::postgres::{SERVING_ROLE, migrate, role_privileges};
use devices_tests::{LoginRole, TestDatabase};
use diesel::connection::SimpleConnection;

/// Runs a statement as the serving role. Returns PostgreSQL's error message, or "" on success.
fn error_of(database: &TestDatabase, statement: &str) -> String {
    let mut connection = database.connect();
    connection
        .batch_execute(&format!("SET ROLE {SERVING_ROLE}"))
        .unwrap();
    let result = connection.batch_execute(statement);
    result
        .err()
        .map_or_else(String::new, |error| error.to_string())
}

#[test]
fn serving_role_cannot_do_more_than_serve() {
    let database = TestDatabase::new();
    for statement in [
        "DELETE FROM devices",
        "TRUNCATE devices",
        "UPDATE devices SET workspace_id = 2",
        "UPDATE devices SET id = 2",
        "UPDATE users SET workspace_id = 2",
        "UPDATE devices_mdm SET workspace_id = 2",
        "DELETE FROM users",
        "DELETE FROM search_documents",
        "UPDATE search_documents SET workspace_id = 2",
        "UPDATE device_events SET key_id = 2",
        "DELETE FROM device_events",
        "TRUNCATE device_events",
        "UPDATE audit_events SET operator = 'nobody'",
        "DELETE FROM audit_events",
        "DROP TABLE devices",
        "ALTER TABLE devices DISABLE TRIGGER ALL",
        "CREATE TABLE mine (id int)",
        "CREATE ROLE mine",
        "INSERT INTO workspaces (name) VALUES ('mine')",
        "UPDATE workspaces SET name = 'mine'",
        "UPDATE workspaces SET device_limit = NULL",
        "INSERT INTO api_keys (workspace_id, name, scope, secret_sha256) \
             VALUES (1, 'a', 'WRITE', repeat('x', 32)::bytea)",
        "UPDATE api_keys SET revoked_at = NULL",
        "UPDATE api_keys SET scope = 'WRITE'",
        "DELETE FROM api_keys",
        "UPDATE idempotency_keys SET outcome = ''",
        "UPDATE usage_counts SET workspace_id = 2",
        "DELETE FROM usage_counts",
        "DELETE FROM devices_mdm",
        "DELETE FROM __diesel_schema_migrations",
    ] {
        let error = error_of(&database, statement);
        assert!(
            error.contains("permission denied") || error.contains("must be owner"),
            "{statement}: {error:?}"
        );
    }
}

#[test]
fn serving_role_can_read_its_tables() {
    let database = TestDatabase::new();
    for table in ["workspaces", "api_keys", "devices", "devices_mdm", "users"] {
        assert_eq!(error_of(&database, &format!("SELECT * FROM {table}")), "");
    }
}

#[test]
fn member_of_serving_role_has_no_surplus() {
    let database = TestDatabase::new();
    let login = LoginRole::member_of(&database, SERVING_ROLE);
    let privileges = role_privileges(login.url()).unwrap();
    assert_eq!(privileges.user, login.name());
    assert!(privileges.can_assume_role());
    assert_eq!(privileges.surplus, Vec::<String>::new());
}

#[test]
fn surplus_privileges_are_listed() {
    let database = TestDatabase::new();
    let login = LoginRole::member_of(&database, SERVING_ROLE);
    database.execute(
        "GRANT DELETE ON devices, device_events TO PUBLIC; GRANT INSERT ON api_keys TO PUBLIC",
    );
    let of_login = role_privileges(login.url()).unwrap();
    assert_eq!(
        of_login.surplus,
        [
            "may delete or truncate devices",
            "may change the audit trail",
            "may create workspaces and keys"
        ]
    );
    let of_owner = role_privileges(database.url()).unwrap();
    assert!(of_owner.can_assume_role());
    assert_eq!(of_owner.surplus.len(), 6);
}

#[test]
fn migrate_grants_missing_privileges() {
    let database = TestDatabase::new();
    let stranger = LoginRole::member_of(&database, "pg_monitor");
    let reason = role_privileges(stranger.url())
        .unwrap()
        .cannot_assume_role
        .unwrap();
    assert!(reason.contains("not a member"), "{reason}");

    let login = LoginRole::member_of(&database, SERVING_ROLE);
    database.execute("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM fleet_devices_serving");
    let reason = role_privileges(login.url())
        .unwrap()
        .cannot_assume_role
        .unwrap();
    assert!(reason.contains("devices-api migrate"), "{reason}");
    assert_eq!(migrate(database.url()).unwrap(), Vec::<String>::new());
    assert_eq!(
        role_privileges(login.url()).unwrap().cannot_assume_role,
        None
    );
    // A user that may only serve can call `migrate` while no migration is pending.
    assert_eq!(migrate(login.url()).unwrap(), Vec::<String>::new());
}
