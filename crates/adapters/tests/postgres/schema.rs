//! Rules of all tables, and agreement of their CHECK constraints with the domain.

use std::collections::BTreeSet;

use devices_domain::{Action, EnrollmentStatus, Format, Interface, Role, Scope, fields};
use devices_tests::TestDatabase;

/// Selects the tables whose rows belong to a workspace: all except `workspaces`.
const SELECT_WORKSPACE_TABLES: &str = "SELECT oid FROM pg_class \
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace \
      AND relname NOT IN ('workspaces', '__diesel_schema_migrations')";

#[test]
fn tenant_tables_have_a_workspace_column() {
    let database = TestDatabase::new();
    let violations = database.texts(&format!(
        "SELECT tenant.oid::regclass FROM ({SELECT_WORKSPACE_TABLES}) AS tenant WHERE NOT EXISTS (
             SELECT FROM pg_attribute WHERE attrelid = tenant.oid AND attname = 'workspace_id'
                 AND attnotnull)"
    ));
    assert_eq!(violations, Vec::<String>::new());
}

#[test]
fn unique_indexes_start_with_the_workspace() {
    let database = TestDatabase::new();
    let all = format!(
        "FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
         WHERE indisunique AND indrelid IN ({SELECT_WORKSPACE_TABLES})"
    );
    assert_ne!(database.texts(&format!("SELECT count(*) {all}")), ["0"]);
    let violations = database.texts(&format!(
        "SELECT indexrelid::regclass {all} AND attname <> 'workspace_id'"
    ));
    assert_eq!(violations, Vec::<String>::new());
}

#[test]
fn foreign_keys_include_the_workspace() {
    let database = TestDatabase::new();
    let all = format!(
        "FROM pg_constraint
         JOIN pg_attribute AS here ON here.attrelid = conrelid AND here.attnum = conkey[1]
         JOIN pg_attribute AS there ON there.attrelid = confrelid AND there.attnum = confkey[1]
         WHERE contype = 'f' AND conrelid IN ({SELECT_WORKSPACE_TABLES})"
    );
    assert_ne!(database.texts(&format!("SELECT count(*) {all}")), ["0"]);
    let violations = database.texts(&format!(
        "SELECT conname {all} AND NOT (here.attname = 'workspace_id' AND there.attname =
             CASE confrelid WHEN 'workspaces'::regclass THEN 'id' ELSE 'workspace_id' END)"
    ));
    assert_eq!(violations, Vec::<String>::new());
}

#[test]
fn text_columns_have_a_length_limit() {
    let database = TestDatabase::new();
    let violations = database.texts(
        "SELECT attrelid::regclass || '.' || attname FROM pg_attribute
         JOIN pg_class ON pg_class.oid = attrelid
         WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND attnum > 0
           AND relname <> '__diesel_schema_migrations'
           AND atttypid IN ('text'::regtype, 'text[]'::regtype)
           AND NOT EXISTS (SELECT FROM pg_constraint
                           WHERE conrelid = attrelid AND contype = 'c' AND attnum = ANY (conkey))",
    );
    assert_eq!(violations, Vec::<String>::new());
}

/// Returns the CHECK constraints of a column, in the notation of PostgreSQL.
fn checks(database: &TestDatabase, table: &str, column: &str) -> String {
    let definitions = database.texts(&format!(
        "SELECT pg_get_constraintdef(pg_constraint.oid) FROM pg_constraint
         JOIN pg_attribute ON attrelid = conrelid AND attnum = ANY (conkey)
         WHERE contype = 'c' AND conrelid = '{table}'::regclass AND attname = '{column}'"
    ));
    definitions.join(" ")
}

#[test]
fn column_limits_match_the_domain() {
    let database = TestDatabase::new();
    for field in fields() {
        let column = field.name().replace("Date", "_date");
        let checks = checks(&database, "devices", &column);
        let expected = match field.format() {
            Format::Text { max_length } | Format::Lines { max_length } => {
                vec![format!("<= {max_length})")]
            }
            Format::SerialNumber | Format::AssetTag => vec!["<= 64)".to_owned()],
            Format::TextList {
                max_items,
                max_length,
            } => {
                // Tags are bounded by their size: a header of 24 bytes, up to 8 for the header and
                // the alignment of each item, and characters of up to 4 bytes.
                let length = if field.name() == "tags" {
                    24 + max_items * (4 * max_length + 8)
                } else {
                    max_items * max_length
                };
                vec![format!("<= {max_items})"), format!("<= {length})")]
            }
            Format::Attributes {
                max_keys,
                max_key_length,
                max_length,
            } => {
                // Characters take up to 4 bytes. jsonb has a header of 8 bytes, and 4 bytes for
                // each key and each value.
                let size = 8 + max_keys * (4 * (max_key_length + max_length) + 8);
                vec![format!("<= {size})")]
            }
            Format::OneOf(words) => words.iter().map(|word| format!("'{word}'")).collect(),
            Format::Amount => vec![">= ".to_owned()],
            Format::Date | Format::Instant | Format::Boolean | Format::Id => vec![],
            // Not a column: the email address is resolved to a user id.
            Format::Email => continue,
        };
        for part in expected {
            assert!(checks.contains(&part), "{column}: {part} in {checks}");
        }
    }
}

#[test]
fn column_values_match_the_domain() {
    let database = TestDatabase::new();
    let statuses = EnrollmentStatus::NAMES;
    let audited: Vec<&str> = Action::ALL
        .iter()
        // A batch is undone by a request.
        .filter(|action| **action != Action::Undone)
        .map(|action| action.as_str())
        .collect();
    for (table, column, words) in [
        ("devices_mdm", "status", statuses),
        ("users", "role", Role::NAMES),
        (
            "device_events",
            "action",
            &["CREATED", "UPDATED", "DELETED", "RESTORED", "UNDONE"],
        ),
        ("audit_events", "action", audited.as_slice()),
        ("device_events", "interface", Interface::NAMES),
        ("audit_events", "interface", Interface::NAMES),
        ("api_keys", "scope", Scope::NAMES),
    ] {
        let checks = checks(&database, table, column);
        // Several constraints may name a value.
        let named: BTreeSet<&str> = checks.split('\'').skip(1).step_by(2).collect();
        assert_eq!(named, words.iter().copied().collect(), "{checks}");
    }
}

#[test]
fn look_ups_need_no_statistics() {
    // As in a new database, or for a workspace that has just imported its devices: the planner
    // expects each workspace to have one row, so that all indexes on it cost the same.
    let database = TestDatabase::new();
    database.execute(
        "CREATE FUNCTION plan(statement text) RETURNS SETOF text LANGUAGE plpgsql AS \
             $$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN ' || statement; END $$; \
         INSERT INTO workspaces (name) VALUES ('acme'); \
         INSERT INTO devices (workspace_id, name, type, category, is_rented, compliance, \
                              connection_type, serial_number, serial_number_folded) \
         SELECT 1, 'a', 'b', 'c', false, '{}', '{}', n::text, n::text FROM generate_series(1, 500) AS n; \
         INSERT INTO users (workspace_id, email, email_folded, role, search_document) \
         SELECT 1, n || '@acme.test', n || '@acme.test', 'EMPLOYEE', '' \
         FROM generate_series(1, 500) AS n; \
         INSERT INTO devices_mdm (workspace_id, serial_number, serial_number_folded, status) \
         SELECT 1, n::text, n::text, 'ENROLLED' FROM generate_series(1, 500) AS n",
    );
    for (table, column, index) in [
        (
            "devices",
            "serial_number_folded",
            "devices_serial_number_key",
        ),
        ("users", "email_folded", "users_email_key"),
        (
            "devices_mdm",
            "serial_number_folded",
            "devices_mdm_serial_number_idx",
        ),
    ] {
        let plan = database.texts(&format!(
            "SELECT * FROM plan($$ SELECT id FROM {table} WHERE workspace_id = 1 \
                 AND {column} = '7' AND deleted_at IS NULL LIMIT 1 $$)"
        ));
        let plan = plan.join("\n");
        assert!(plan.contains(index), "{plan}");
    }
    let since = "SELECT * FROM plan($$ SELECT id FROM devices WHERE workspace_id = 1 \
                     AND updated_at >= '2026-01-01' ORDER BY updated_at LIMIT 1 $$)";
    let plan = database.texts(since).join("\n");
    assert!(plan.contains("devices_updated_at_idx"), "{plan}");
}
