//! What `scripts/distribute.sql` asks of Citus, whose functions are played here: they write down what they are
//! called with, and refuse what Citus refuses.

use devices_tests::{TestDatabase, execute};
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;

const SCRIPT: &str = include_str!("../../../../scripts/distribute.sql");

/// In a schema of their own, as Citus has its functions: they are none of ours.
const CITUS: &str = "
    CREATE SCHEMA citus;
    CREATE TABLE citus.calls (
        number    bigint GENERATED ALWAYS AS IDENTITY,
        made      text,
        of        text,
        by_column text,
        beside    text
    );

    CREATE FUNCTION citus.refuse(regclass) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM pg_constraint WHERE contype = 'f' AND $1 IN (conrelid, confrelid)) THEN
            RAISE 'a foreign key of % is there', $1;
        END IF;
        IF EXISTS (SELECT FROM pg_proc JOIN pg_class ON pg_class.oid = $1 AND reltype = ANY (proargtypes)) THEN
            RAISE '% depends on itself', $1;
        END IF;
    END $$;

    CREATE FUNCTION citus.create_distributed_function(regprocedure) RETURNS void LANGUAGE sql AS $$
        INSERT INTO citus.calls (made, of) VALUES ('function', $1)
    $$;
    CREATE FUNCTION citus.create_reference_table(regclass) RETURNS void LANGUAGE sql AS $$
        SELECT citus.refuse($1);
        INSERT INTO citus.calls (made, of) VALUES ('reference table', $1);
    $$;
    CREATE FUNCTION citus.create_distributed_table(regclass, text, colocate_with text) RETURNS void
    LANGUAGE sql AS $$
        SELECT citus.refuse($1);
        INSERT INTO citus.calls (made, of, by_column, beside) VALUES ('table', $1, $2, $3);
    $$;
    CREATE FUNCTION citus.truncate_local_data_after_distributing_table(regclass) RETURNS void
    LANGUAGE sql AS $$
        INSERT INTO citus.calls (made, of) VALUES ('emptied', $1)
    $$;
    SET search_path = public, citus";

/// The database with Citus in it, and a connection that finds its functions.
fn with_citus() -> (TestDatabase, PgConnection) {
    let database = TestDatabase::new();
    let mut connection = database.connect();
    execute(&mut connection, CITUS);
    (database, connection)
}

/// What was made so, in the order of the calls.
fn made(database: &TestDatabase, kind: &str) -> Vec<String> {
    database.texts(&format!(
        "SELECT concat_ws(' ', of, by_column, beside) FROM citus.calls WHERE made = '{kind}' ORDER BY number"
    ))
}

/// Every foreign key, view and function, what it is, and who may do what with it.
fn schema(database: &TestDatabase) -> Vec<String> {
    let foreign_keys = database.texts(
        "SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid))
         FROM pg_constraint WHERE contype = 'f' ORDER BY conrelid::regclass::text, conname",
    );
    let views = database.texts(
        "SELECT concat_ws(' ', oid::regclass, pg_get_viewdef(oid), relacl) FROM pg_class
         WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace ORDER BY relname",
    );
    let functions = database.texts(
        "SELECT concat_ws(' ', pg_get_functiondef(oid), proacl) FROM pg_proc
         WHERE pronamespace = 'public'::regnamespace AND prokind = 'f' ORDER BY oid::regprocedure::text",
    );
    assert!(!foreign_keys.is_empty() && !views.is_empty() && !functions.is_empty());
    [foreign_keys, views, functions].concat()
}

#[test]
fn every_table_of_workspaces_is_distributed_by_them_and_they_are_on_every_node() {
    let (database, mut connection) = with_citus();
    execute(&mut connection, SCRIPT);
    assert_eq!(made(&database, "reference table"), ["workspaces"]);
    let mut tables = made(&database, "table");
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
fn foreign_keys_views_and_functions_are_afterwards_what_they_were() {
    let (database, mut connection) = with_citus();
    let before = schema(&database);
    execute(&mut connection, SCRIPT);
    assert_eq!(schema(&database), before);
}

#[test]
fn nothing_of_a_distributed_table_is_left_where_it_was() {
    let (database, mut connection) = with_citus();
    execute(&mut connection, SCRIPT);
    let mut emptied = made(&database, "emptied");
    emptied.sort_unstable();
    let distributed = database.texts(
        "SELECT of FROM citus.calls WHERE made IN ('table', 'reference table') ORDER BY of COLLATE \"C\"",
    );
    assert_eq!(emptied, distributed);
}

#[test]
fn functions_come_to_the_other_nodes_after_those_that_they_call() {
    let (database, mut connection) = with_citus();
    execute(&mut connection, SCRIPT);
    let functions = made(&database, "function");
    let place = |name: &str| {
        functions
            .iter()
            .position(|function| function.starts_with(name))
    };
    assert!(place("search_text(").unwrap() < place("search_words(").unwrap());
    assert!(place("search_text(").unwrap() < place("search_query(").unwrap());
}

#[test]
fn what_fails_half_way_changes_nothing() {
    let (database, mut connection) = with_citus();
    let before = schema(&database);
    // A foreign key that the script does not know of: the table has no workspace.
    execute(
        &mut connection,
        "CREATE TABLE notes (workspace bigint REFERENCES workspaces)",
    );
    let refused = connection.batch_execute(SCRIPT).unwrap_err().to_string();
    assert!(refused.contains("a foreign key of workspaces"), "{refused}");
    execute(&mut connection, "DROP TABLE notes");
    assert_eq!(schema(&database), before);
    assert_eq!(database.count("citus.calls"), 0);
}

#[test]
fn without_citus_it_is_said_and_nothing_is_changed() {
    let database = TestDatabase::new();
    let before = schema(&database);
    let refused = database.connect().batch_execute(SCRIPT).unwrap_err();
    assert_eq!(refused.to_string(), "this database has no Citus");
    assert_eq!(schema(&database), before);
}
