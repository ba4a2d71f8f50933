//! Tests `scripts/distribute.sql` against stubs of the Citus functions, which record their calls
//! and reject what Citus rejects.

use devices_tests::{TestDatabase, execute};
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;

const SCRIPT: &str = include_str!("../../../../scripts/distribute.sql");

/// Stubs of the Citus functions. Their table has its own schema, because the script distributes all
/// tables in `public` with a workspace.
const CITUS_STUBS: &str = "
    CREATE SCHEMA citus;
    CREATE TABLE citus.calls (
        number         bigint GENERATED ALWAYS AS IDENTITY,
        kind           text,
        target         text,
        column_name    text,
        colocated_with text
    );

    CREATE FUNCTION citus.reject(regclass) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (
            SELECT FROM pg_constraint WHERE contype = 'f' AND $1 IN (conrelid, confrelid)
        ) THEN
            RAISE '% has a foreign key', $1;
        END IF;
    END $$;

    CREATE FUNCTION citus.create_reference_table(regclass) RETURNS void LANGUAGE sql AS $$
        SELECT citus.reject($1);
        INSERT INTO citus.calls (kind, target) VALUES ('reference table', $1);
    $$;
    CREATE FUNCTION citus.create_distributed_table(regclass, text, colocate_with text)
    RETURNS void LANGUAGE sql AS $$
        SELECT citus.reject($1);
        INSERT INTO citus.calls (kind, target, column_name, colocated_with)
        VALUES ('table', $1, $2, $3);
    $$;
    CREATE FUNCTION citus.truncate_local_data_after_distributing_table(regclass) RETURNS void
    LANGUAGE sql AS $$
        INSERT INTO citus.calls (kind, target) VALUES ('truncated', $1)
    $$;
    SET search_path = public, citus";

/// Creates a database with the stubs, and a connection whose search path contains them.
fn with_citus() -> (TestDatabase, PgConnection) {
    let database = TestDatabase::migrated();
    let mut connection = database.connect();
    execute(&mut connection, CITUS_STUBS);
    (database, connection)
}

/// Returns the arguments of the calls of one kind, in their order.
fn calls(database: &TestDatabase, kind: &str) -> Vec<String> {
    database.texts(&format!(
        "SELECT concat_ws(' ', target, column_name, colocated_with) FROM citus.calls
         WHERE kind = '{kind}' ORDER BY number"
    ))
}

/// Returns all foreign keys and views, with their definitions and privileges.
fn schema(database: &TestDatabase) -> Vec<String> {
    let foreign_keys = database.texts(
        "SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid))
         FROM pg_constraint WHERE contype = 'f' ORDER BY conrelid::regclass::text, conname",
    );
    let views = database.texts(
        "SELECT concat_ws(' ', oid::regclass, pg_get_viewdef(oid), relacl) FROM pg_class
         WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace ORDER BY relname",
    );
    assert!(!foreign_keys.is_empty() && !views.is_empty());
    [foreign_keys, views].concat()
}

#[test]
fn tenant_tables_are_distributed_by_workspace() {
    let (database, mut connection) = with_citus();
    execute(&mut connection, SCRIPT);
    assert_eq!(calls(&database, "reference table"), ["workspaces"]);
    let mut tables = calls(&database, "table");
    assert_eq!(tables.remove(0), "devices workspace_id none");
    let others = database.texts(
        "SELECT attrelid::regclass || ' workspace_id devices' FROM pg_attribute
         JOIN pg_class ON pg_class.oid = attrelid AND relkind = 'r' AND relname <> 'devices'
         WHERE attname = 'workspace_id' AND relnamespace = 'public'::regnamespace ORDER BY relname",
    );
    assert!(others.len() >= 8, "{others:?}");
    tables.sort_unstable();
    assert_eq!(tables, others);
}

#[test]
fn foreign_keys_and_views_are_restored() {
    let (database, mut connection) = with_citus();
    let before = schema(&database);
    execute(&mut connection, SCRIPT);
    assert_eq!(schema(&database), before);
}

#[test]
fn local_rows_are_truncated() {
    let (database, mut connection) = with_citus();
    execute(&mut connection, SCRIPT);
    let mut truncated = calls(&database, "truncated");
    truncated.sort_unstable();
    let distributed = database.texts(
        "SELECT target FROM citus.calls WHERE kind IN ('table', 'reference table')
         ORDER BY target COLLATE \"C\"",
    );
    assert_eq!(truncated, distributed);
}

#[test]
fn settings_of_searches_reach_the_workers() {
    let (database, mut connection) = with_citus();
    execute(&mut connection, SCRIPT);
    let settings = database.texts(
        "SELECT unnest(setconfig) FROM pg_db_role_setting JOIN pg_database \
             ON pg_database.oid = setdatabase WHERE datname = current_database()",
    );
    let expected = "citus.propagate_set_commands=local".to_owned();
    assert!(settings.contains(&expected), "{settings:?}");
}

#[test]
fn failed_script_changes_nothing() {
    let (database, mut connection) = with_citus();
    let before = schema(&database);
    // The script does not drop this foreign key, because the table has no `workspace_id`.
    execute(
        &mut connection,
        "CREATE TABLE notes (workspace bigint REFERENCES workspaces)",
    );
    let error = connection.batch_execute(SCRIPT).unwrap_err().to_string();
    assert!(error.contains("workspaces has a foreign key"), "{error}");
    execute(&mut connection, "DROP TABLE notes");
    assert_eq!(schema(&database), before);
    assert_eq!(database.count("citus.calls"), 0);
}

#[test]
fn missing_citus_is_reported() {
    let database = TestDatabase::migrated();
    let before = schema(&database);
    let error = database.connect().batch_execute(SCRIPT).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("Citus"), "{error}");
    assert_eq!(schema(&database), before);
}
