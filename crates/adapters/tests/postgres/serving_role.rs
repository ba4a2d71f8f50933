//! What the serving role may do, and what it may not.

use devices_adapters::postgres::{SERVING_ROLE, migrate, role_privileges};
use devices_tests::{Login, TestDatabase};
use diesel::connection::SimpleConnection;

/// What PostgreSQL says to a statement of the serving role, "" where it carries it out.
fn refusal(database: &TestDatabase, statement: &str) -> String {
    let mut connection = database.connect();
    let role = connection.batch_execute(&format!("SET ROLE {SERVING_ROLE}"));
    role.unwrap();
    let said = connection.batch_execute(statement);
    said.err()
        .map_or_else(String::new, |error| error.to_string())
}

#[test]
fn the_serving_role_may_change_nothing_that_serving_does_not_change() {
    let database = TestDatabase::new();
    for statement in [
        "DELETE FROM devices",
        "TRUNCATE devices",
        "UPDATE devices SET workspace_id = 2",
        "UPDATE devices SET id = 2",
        "UPDATE users SET workspace_id = 2",
        "UPDATE devices_mdm SET workspace_id = 2",
        "DELETE FROM users",
        "DELETE FROM device_search",
        "UPDATE device_search SET workspace_id = 2",
        "UPDATE device_events SET key_id = 2",
        "DELETE FROM device_events",
        "TRUNCATE device_events",
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
        "DELETE FROM devices_mdm",
        "DELETE FROM __diesel_schema_migrations",
    ] {
        let said = refusal(&database, statement);
        assert!(
            said.contains("permission denied") || said.contains("must be owner"),
            "{statement}: {said:?}"
        );
    }
}

#[test]
fn the_serving_role_may_read_what_it_serves() {
    let database = TestDatabase::new();
    for table in ["workspaces", "api_keys", "devices", "devices_mdm", "users"] {
        assert_eq!(refusal(&database, &format!("SELECT * FROM {table}")), "");
    }
}

#[test]
fn a_user_with_the_serving_role_alone_has_no_excess() {
    let database = TestDatabase::new();
    let login = Login::with(&database, SERVING_ROLE);
    let rights = role_privileges(login.url()).unwrap();
    assert_eq!(rights.user, login.name());
    assert!(rights.can_assume_role());
    assert_eq!(rights.surplus, Vec::<String>::new());
}

#[test]
fn what_a_user_may_do_beyond_serving_is_named() {
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
            "may make workspaces and keys"
        ]
    );
    let of_owner = role_privileges(database.url()).unwrap();
    assert!(of_owner.can_assume_role());
    assert_eq!(of_owner.surplus.len(), 6);
}

#[test]
fn what_keeps_a_user_from_serving_only_is_named_and_mended_by_migrating() {
    let database = TestDatabase::new();
    let stranger = Login::with(&database, "pg_monitor");
    let obstacle = role_privileges(stranger.url())
        .unwrap()
        .cannot_assume_role
        .unwrap();
    assert!(obstacle.contains("no member"), "{obstacle}");

    let login = LoginRole::member_of(&database, SERVING_ROLE);
    database.execute("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM fleet_devices_serving");
    let obstacle = role_privileges(login.url())
        .unwrap()
        .cannot_assume_role
        .unwrap();
    assert!(obstacle.contains("devices-api migrate"), "{obstacle}");
    assert_eq!(migrate(database.url()).unwrap(), Vec::<String>::new());
    assert_eq!(
        role_privileges(login.url()).unwrap().cannot_assume_role,
        None
    );
    // Whoever may only serve has nothing to migrate, and is not kept from trying.
    assert_eq!(migrate(login.url()).unwrap(), Vec::<String>::new());
}
