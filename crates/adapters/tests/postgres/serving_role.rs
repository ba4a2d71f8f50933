//! Privileges of the serving role.

use devices_adapters::postgres::{Database, grant_serving_role, migrate, role_privileges};
use devices_domain::StoreHealth;
use devices_tests::{LoginRole, NotOnCluster, TestDatabase, percent_encode};
use diesel::Connection;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;

use super::{block_on, options};

/// Runs a statement as the serving role. Returns PostgreSQL's error message, or "" on success.
fn error_of(database: &TestDatabase, statement: &str) -> String {
    let mut connection = database.connect();
    connection
        .batch_execute(&format!("SET ROLE {}", database.serving_role()))
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
        "UPDATE device_events SET occurred_at = now()",
        "DELETE FROM device_events",
        "TRUNCATE device_events",
        "UPDATE event_feeds SET purged_position = 0",
        "DELETE FROM event_feeds",
        "UPDATE audit_events SET operator = 'nobody'",
        "DELETE FROM audit_events",
        "DROP TABLE devices",
        "ALTER TABLE devices DISABLE TRIGGER ALL",
        "CREATE TABLE mine (id int)",
        "CREATE ROLE mine",
        "INSERT INTO workspaces (name) VALUES ('mine')",
        "UPDATE workspaces SET name = 'mine'",
        "UPDATE workspaces SET device_limit = NULL",
        "UPDATE api_keys SET scope = 'ADMIN'",
        "UPDATE api_keys SET secret_sha256 = repeat('x', 32)::bytea",
        "UPDATE api_keys SET expires_at = NULL",
        "UPDATE api_keys SET workspace_id = 2",
        "DELETE FROM api_keys",
        "UPDATE idempotency_keys SET outcome = ''",
        "UPDATE console_sessions SET expires_at = now()",
        "UPDATE usage_counts SET workspace_id = 2",
        "DELETE FROM usage_counts",
        "DELETE FROM devices_mdm",
        "DELETE FROM __diesel_schema_migrations",
    ] {
        let error = error_of(&database, statement);
        let is_refused = [
            "permission denied",
            "must be owner",
            // Citus checks this before it sends the statement to a worker.
            "modifying the partition value of rows is not allowed",
        ];
        assert!(
            is_refused.iter().any(|reason| error.contains(reason)),
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
    let login = LoginRole::serving(&database);
    let privileges = role_privileges(login.url(), None).unwrap();
    assert_eq!(privileges.user, login.name());
    assert!(privileges.can_assume_role());
    assert_eq!(privileges.surplus, Vec::<String>::new());
}

#[test]
fn surplus_privileges_are_listed() {
    let database = TestDatabase::new();
    let login = LoginRole::serving(&database);
    database.execute(
        "GRANT DELETE ON devices, device_events TO PUBLIC; GRANT INSERT ON workspaces TO PUBLIC; \
         GRANT UPDATE ON api_keys TO PUBLIC",
    );
    let of_login = role_privileges(login.url(), None).unwrap();
    assert_eq!(
        of_login.surplus,
        [
            "may delete or truncate devices",
            "may change the audit trail",
            "may create workspaces",
            "may change the secrets and scopes of keys"
        ]
    );
    let of_owner = role_privileges(database.url(), None).unwrap();
    assert!(of_owner.can_assume_role());
    assert_eq!(of_owner.surplus.len(), 7);
}

#[test]
fn migrate_grants_missing_privileges() {
    let database = TestDatabase::new();
    let stranger = LoginRole::member_of(&database, "pg_monitor");
    let reason = role_privileges(stranger.url(), None)
        .unwrap()
        .cannot_assume_role
        .unwrap();
    assert!(reason.contains("not a member"), "{reason}");

    let login = LoginRole::serving(&database);
    let role = database.serving_role();
    database.execute(&format!(
        "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}"
    ));
    let reason = role_privileges(login.url(), None)
        .unwrap()
        .cannot_assume_role
        .unwrap();
    assert!(reason.contains("devices-api migrate"), "{reason}");
    grant_serving_role(database.url(), None).unwrap();
    assert_eq!(
        role_privileges(login.url(), None)
            .unwrap()
            .cannot_assume_role,
        None
    );
    // A user that may only serve can call `migrate` while no migration is pending.
    assert_eq!(migrate(login.url()).unwrap(), Vec::<String>::new());
    let advice = grant_serving_role(login.url(), None).unwrap();
    assert_eq!(advice, Vec::<String>::new());
}

/// Returns PostgreSQL's error when the user of `login` reads devices as a role, or "" on success.
fn error_of_read(url: &str, role: &str) -> String {
    let mut connection = PgConnection::establish(url).unwrap();
    let read = format!("SET ROLE {role}; SELECT FROM devices");
    let result = connection.batch_execute(&read);
    result
        .err()
        .map_or_else(String::new, |error| error.to_string())
}

/// Returns the URL of another database for the user of a URL.
fn at_database(url: &str, from: &TestDatabase, to: &TestDatabase) -> String {
    url.replacen(from.name(), to.name(), 1)
}

#[test]
fn members_cannot_read_another_database() {
    let (production, staging) = (TestDatabase::new(), TestDatabase::new());
    let login = LoginRole::serving(&staging);
    let role = staging.serving_role();
    assert_eq!(error_of_read(login.url(), &role), "");
    // Connects, if PostgreSQL admits every user to the other database.
    let url = at_database(login.url(), &staging, &production);
    let Ok(mut connection) = PgConnection::establish(&url) else {
        return;
    };
    for role in [&role, login.name()] {
        let statement = format!("SET ROLE {role}; SELECT FROM devices");
        let error = connection.batch_execute(&statement).unwrap_err();
        assert!(error.to_string().contains("permission denied"), "{error}");
    }
    let assume = format!("SET ROLE {}", production.serving_role());
    let error = connection.batch_execute(&assume).unwrap_err();
    assert!(error.to_string().contains("permission denied"), "{error}");
}

#[test]
fn role_of_earlier_versions_loses_its_privileges() {
    let database = TestDatabase::new();
    // Citus connects to the workers as this role. Elsewhere, a role that can log in would be
    // warned about for each database of the server.
    let is_cluster = database.count("pg_extension WHERE extname = 'citus'") > 0;
    let login = if is_cluster { "LOGIN" } else { "NOLOGIN" };
    // Other tests may create it at the same time.
    drop(
        database
            .connect()
            .batch_execute(&format!("CREATE ROLE fleet_devices_serving {login}")),
    );
    let former = "fleet_devices_serving";
    database.execute(&format!(
        "GRANT USAGE ON SCHEMA public TO {former};
         GRANT SELECT, INSERT ON devices, users TO {former};
         GRANT UPDATE (name) ON devices TO {former};
         GRANT USAGE ON SEQUENCE devices_id_seq TO {former};
         GRANT CONNECT ON DATABASE {} TO {former}",
        database.name()
    ));
    let login = LoginRole::member_of(&database, former);
    assert_eq!(error_of_read(login.url(), former), "");

    let advice = grant_serving_role(database.url(), None).unwrap().join("\n");
    let (role, name) = (database.serving_role(), login.name());
    let grant = format!("run: GRANT \"{role}\" TO {name};");
    assert!(advice.contains(&grant), "{advice}");
    let error = error_of_read(login.url(), former);
    assert!(error.contains("permission denied"), "{error}");
    let privileges = format!(
        "SELECT count(*) FROM pg_shdepend JOIN pg_database ON datname = current_database() \
         WHERE refobjid = '{former}'::regrole AND (dbid = pg_database.oid \
             OR (classid = 'pg_database'::regclass AND objid = pg_database.oid))"
    );
    assert_eq!(database.texts(&privileges), ["0"]);
    let reason = role_privileges(login.url(), None)
        .unwrap()
        .cannot_assume_role;
    let remedy = format!("run GRANT \"{role}\" TO \"{name}\"");
    assert!(reason.unwrap().contains(&remedy));

    database.execute(&format!("GRANT {role} TO {name}"));
    assert!(
        role_privileges(login.url(), None)
            .unwrap()
            .can_assume_role()
    );
    let advice = grant_serving_role(database.url(), None).unwrap().join("\n");
    assert!(!advice.contains(&grant), "{advice}");
}

#[test]
fn clone_gets_a_role_of_its_own() {
    if NotOnCluster::CopiesDatabase.skips() {
        return;
    }
    let original = TestDatabase::new();
    let of_original = LoginRole::serving(&original);
    let clone = original.copy();
    let of_clone = LoginRole::member_of(&clone, "pg_monitor");
    let role = original.serving_role();
    let url = at_database(of_original.url(), &original, &clone);
    clone.execute(&format!(
        "GRANT CONNECT ON DATABASE {} TO {role}",
        clone.name()
    ));
    assert_eq!(error_of_read(&url, &role), "");
    let reason = role_privileges(of_clone.url(), None)
        .unwrap()
        .cannot_assume_role;
    assert!(reason.unwrap().contains("does not exist"));

    clone.grant_serving_role();
    clone.execute(&format!(
        "GRANT {} TO {}",
        clone.serving_role(),
        of_clone.name()
    ));
    assert_eq!(error_of_read(of_clone.url(), &clone.serving_role()), "");
    let mut as_original = clone.connect();
    let read = format!("SET ROLE {role}; SELECT FROM devices");
    let error = as_original.batch_execute(&read).unwrap_err().to_string();
    assert!(error.contains("permission denied"), "{error}");
    assert_eq!(error_of_read(of_original.url(), &role), "");
}

#[test]
fn shared_role_is_reported() {
    let (first, second) = (TestDatabase::new(), TestDatabase::new());
    let role = first.serving_role();
    let advice = grant_serving_role(second.url(), Some(&role)).unwrap();
    let advice = advice.join("\n");
    assert!(
        advice.contains("DEVICES__DATABASE__SERVING_ROLE") && advice.contains(first.name()),
        "{advice}"
    );
}

#[test]
fn any_database_name_has_a_serving_role() {
    let database = TestDatabase::new();
    let name = format!("{} \"$$ Ünï'%I", database.name());
    let quoted = name.replace('"', "\"\"");
    database.execute(&format!(
        "CREATE DATABASE \"{quoted}\" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'"
    ));
    let encoded = percent_encode(&name);
    let url = database.url().replacen(database.name(), &encoded, 1);
    migrate(&url).unwrap();
    grant_serving_role(&url, None).unwrap();
    let privileges = role_privileges(&url, None).unwrap();
    assert_eq!(
        privileges.serving_role,
        format!("\"fleet_devices_serving_{quoted}\"")
    );
    assert_eq!(privileges.cannot_assume_role, None);
    let pool = Database::new(&url, &options()).unwrap();
    block_on(pool.ping()).unwrap();
    drop(pool);
    database.execute(&format!("DROP DATABASE \"{quoted}\" WITH (FORCE)"));
    database.execute(&format!("DROP ROLE {}", privileges.serving_role));
}

#[test]
fn owner_without_createrole_gets_the_statement() {
    let database = TestDatabase::new();
    let role = database.serving_role();
    let owner = LoginRole::member_of(&database, "pg_monitor");
    database.execute(&format!("DROP OWNED BY {role}"));
    database.execute(&format!("DROP ROLE {role}"));
    database.execute(&format!("ALTER TABLE devices OWNER TO {}", owner.name()));
    let advice = grant_serving_role(owner.url(), None);
    database.execute("ALTER TABLE devices OWNER TO CURRENT_USER");
    let advice = advice.unwrap();
    assert!(
        advice[0].contains(&format!("run CREATE ROLE \"{role}\" NOLOGIN;")),
        "{advice:?}"
    );
}
