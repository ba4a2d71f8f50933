//! Rules of new migrations: none locks a large table for long, and all run on a cluster with
//! distributed tables. CONTRIBUTING.md explains them.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use rstest::rstest;

/// Version of the last migration that is exempt.
const LAST_EXEMPT: &str = "2026-11-25-000010";

/// Tables that stay small: a migration may rewrite them.
const SMALL_TABLES: [&str; 4] = ["WORKSPACES", "API_KEYS", "RATE_LIMITS", "SEARCH_QUEUE"];

const SEPARATOR: &str = "-- next step";

/// Functions in a DEFAULT whose value is the same for all existing rows. Others are evaluated for
/// each row, and the table is rewritten.
const STABLE_DEFAULTS: [&str; 2] = ["NOW()", "CURRENT_TIMESTAMP"];

/// Returns the statements in upper case, with single blanks, without comments and the content of
/// texts. Statements in the body of a DO block count as statements, those in the body of a function
/// do not.
fn statements(sql: &str) -> Vec<String> {
    let lines = sql.lines().map(|line| line.split("--").next().unwrap());
    let sql = lines.collect::<Vec<_>>().join(" ").to_uppercase();
    let without_texts: String = sql.split('\'').step_by(2).collect::<Vec<_>>().join("''");
    let mut flat = String::new();
    for (index, part) in without_texts.split("$$").enumerate() {
        let is_body = index % 2 == 1;
        let is_function = flat.rsplit(';').next().unwrap().contains("CREATE");
        if !is_body {
            flat.push_str(part);
        } else if !is_function {
            flat.extend([";", part, ";"]);
        }
    }
    let words = |statement: &str| statement.split_whitespace().collect::<Vec<_>>().join(" ");
    let statements = flat.split(';').map(words);
    statements
        .filter(|statement| !statement.is_empty())
        .collect()
}

/// Returns the name after `keyword`, if the statement contains it.
fn name_after(statement: &str, keyword: &str) -> Option<String> {
    let padded = format!(" {statement} ");
    let (_, rest) = padded.split_once(&format!(" {keyword} "))?;
    let mut words = rest
        .split([' ', '('])
        .filter(|word| !["IF", "NOT", "EXISTS", "ONLY", ""].contains(word));
    words.next().map(|name| name.trim_matches('"').to_owned())
}

/// Words that follow ADD for a constraint.
const CONSTRAINTS: [&str; 5] = ["CONSTRAINT", "CHECK", "FOREIGN", "UNIQUE", "PRIMARY"];

/// Returns the reason why an ALTER TABLE on a large table is rejected.
fn problem_of_alter(statement: &str, is_validated: bool) -> Option<&'static str> {
    let has = |words: &str| statement.contains(words);
    if CONSTRAINTS.iter().any(|kind| has(&format!("ADD {kind}"))) {
        if !has(" NOT VALID") && !has(" USING INDEX ") {
            return Some(
                "ADD CONSTRAINT reads all rows: add it NOT VALID, and validate it in a step",
            );
        }
    } else if has("ADD COLUMN") && (has("CHECK (") || has(" REFERENCES ") || has(" UNIQUE")) {
        return Some("a constraint of a new column reads all rows: add it NOT VALID");
    }
    if has("GENERATED ") || has("SERIAL") {
        return Some("a generated column rewrites the table");
    }
    if let Some((_, default)) = statement.split_once(" DEFAULT ") {
        let is_stable = STABLE_DEFAULTS.iter().any(|call| default.starts_with(call));
        let value = default.split(',').next().unwrap_or_default();
        if has("ADD COLUMN") && value.contains('(') && !is_stable {
            return Some("a volatile default rewrites the table");
        }
    }
    if has(" SET NOT NULL") && !is_validated {
        return Some("SET NOT NULL reads all rows, unless a validated CHECK requires a value");
    }
    if has(" TYPE ") || has(" SET LOGGED") || has(" SET UNLOGGED") {
        return Some("a new type rewrites the table");
    }
    None
}

/// Returns the reason why a statement is rejected.
///
/// `step` is the step that contains the statement, and `created` the tables that the migration
/// creates. Each step is a transaction, unless it commits itself.
fn problem(statement: &str, step: &[String], created: &HashSet<String>) -> Option<&'static str> {
    let is_large =
        |table: &String| !created.contains(table) && !SMALL_TABLES.contains(&table.as_str());
    let large_after = |keyword: &str| name_after(statement, keyword).filter(is_large);
    let has = |words: &str| statement.contains(words);
    if has(" INDEX CONCURRENTLY ") {
        if step.len() > 1 {
            return Some("CONCURRENTLY must be the only statement of its step");
        }
        if has("CREATE ") && !has("CONCURRENTLY IF NOT EXISTS ") {
            return Some("write INDEX CONCURRENTLY IF NOT EXISTS: steps may be repeated");
        }
        return None;
    }
    if has("CREATE INDEX ") || has("CREATE UNIQUE INDEX ") {
        large_after("ON")?;
        return Some("CREATE INDEX locks the table: create it CONCURRENTLY");
    }
    if large_after("ALTER TABLE").is_some() {
        let validates = |statement: &String| statement.contains("VALIDATE CONSTRAINT");
        if has("VALIDATE CONSTRAINT") && step.len() > 1 {
            return Some("VALIDATE CONSTRAINT must be the only statement of its step");
        }
        return problem_of_alter(statement, step.iter().any(validates));
    }
    let commits = step.iter().any(|statement| statement == "COMMIT");
    if !commits && (large_after("UPDATE").is_some() || large_after("DELETE FROM").is_some()) {
        return Some("locks all changed rows: change them in batches, with COMMIT in a DO block");
    }
    let locks = ["LOCK TABLE", "CLUSTER", "REINDEX", "VACUUM FULL"];
    let locks = locks.iter().any(|keyword| large_after(keyword).is_some());
    locks.then_some("locks the table")
}

/// Returns the problems of a migration.
fn problems(sql: &str, is_stepwise: bool) -> Vec<String> {
    let steps: Vec<Vec<String>> = if is_stepwise {
        sql.split(SEPARATOR).map(statements).collect()
    } else {
        vec![statements(sql)]
    };
    let created: HashSet<String> = steps
        .iter()
        .flatten()
        .filter_map(|statement| name_after(statement, "CREATE TABLE"))
        .collect();
    let mut problems = Vec::new();
    for step in &steps {
        for statement in step {
            if let Some(problem) = problem(statement, step, &created) {
                problems.push(format!("{problem}: {statement}"));
            }
        }
    }
    problems
}

/// Version of the last migration that is exempt from the rules of distributed tables.
const LAST_LOCAL: &str = "2026-11-26-000032";

/// Returns the reason why a statement is rejected by a cluster whose tables are distributed.
///
/// `distributed` are the new tables that were distributed before, and `created` all new ones.
fn cluster_problem(
    statement: &str,
    created: &HashSet<String>,
    distributed: &HashSet<String>,
) -> Option<&'static str> {
    let has = |words: &str| statement.contains(words);
    let references = has(" REFERENCES ") || has("FOREIGN KEY");
    if has("CREATE TABLE ") && references {
        return Some("add foreign keys after distribute_tenant_table");
    }
    if has("CREATE TRIGGER ") {
        return Some("distributed tables have no triggers");
    }
    let table = name_after(statement, "ALTER TABLE")?;
    if created.contains(&table) && !distributed.contains(&table) {
        return references.then_some("add foreign keys after distribute_tenant_table");
    }
    if has(" SET STATISTICS ") || has(" SET STORAGE ") || has(" SET (") {
        return Some("set options of a table before it is distributed");
    }
    let subcommands = statement.matches("ADD ").count() + statement.matches("DROP ").count();
    if CONSTRAINTS.iter().any(|kind| has(&format!("ADD {kind}"))) {
        if !has("ADD CONSTRAINT ") {
            return Some("name the constraint");
        }
        if subcommands > 1 {
            return Some("ADD CONSTRAINT must be the only change of its statement");
        }
    } else if has("ADD COLUMN ") && (has("CHECK (") || references) && !has(" CONSTRAINT ") {
        return Some("name the constraint of the column");
    }
    None
}

/// Returns the problems of a migration on a cluster.
fn cluster_problems(sql: &str) -> Vec<String> {
    let statements = statements(sql);
    let created: HashSet<String> = statements
        .iter()
        .filter_map(|statement| name_after(statement, "CREATE TABLE"))
        .collect();
    let (mut distributed, mut problems) = (HashSet::new(), Vec::new());
    for statement in &statements {
        if let Some(problem) = cluster_problem(statement, &created, &distributed) {
            problems.push(format!("{problem}: {statement}"));
        }
        // The name of the table is a text, which `statements` removes.
        if statement.contains("DISTRIBUTE_TENANT_TABLE") {
            distributed.extend(created.iter().cloned());
        }
    }
    if !created.is_empty() && distributed.is_empty() {
        problems.push("call distribute_tenant_table for each new tenant table".to_owned());
    }
    problems
}

#[test]
fn new_migrations_run_on_distributed_tables() {
    for (name, sql, _) in migrations_after(LAST_LOCAL) {
        assert_eq!(cluster_problems(&sql), Vec::<String>::new(), "{name}");
    }
}

#[rstest]
#[case("ALTER TABLE workspaces ADD COLUMN a int CHECK (a > 0)")]
#[case("ALTER TABLE devices ADD CHECK (id > 0) NOT VALID")]
#[case("ALTER TABLE devices DROP CONSTRAINT a, ADD CONSTRAINT a CHECK (id > 0) NOT VALID")]
#[case("ALTER TABLE devices ALTER COLUMN name SET STATISTICS 0")]
#[case("ALTER TABLE rate_limits SET (fillfactor = 50)")]
#[case("CREATE TRIGGER a AFTER UPDATE ON devices EXECUTE FUNCTION b()")]
#[case("CREATE TABLE a (workspace_id bigint)")]
#[case(
    "CREATE TABLE a (workspace_id bigint REFERENCES workspaces); \
        SELECT distribute_tenant_table('a')"
)]
#[case(
    "CREATE TABLE a (workspace_id bigint); ALTER TABLE a ADD CONSTRAINT b \
        FOREIGN KEY (workspace_id) REFERENCES workspaces; SELECT distribute_tenant_table('a')"
)]
fn statement_that_fails_on_a_cluster_is_rejected(#[case] sql: &str) {
    assert_eq!(cluster_problems(sql).len(), 1, "{sql}");
}

#[rstest]
#[case("ALTER TABLE workspaces ADD COLUMN a int CONSTRAINT b CHECK (a > 0)")]
#[case("ALTER TABLE devices ADD COLUMN a text, ADD COLUMN b timestamptz DEFAULT now()")]
#[case("ALTER TABLE devices ADD CONSTRAINT a CHECK (id > 0) NOT VALID")]
#[case(
    "CREATE TABLE a (workspace_id bigint) WITH (fillfactor = 50); \
        SELECT distribute_tenant_table('a'); \
        ALTER TABLE a ADD CONSTRAINT b FOREIGN KEY (workspace_id) REFERENCES workspaces"
)]
fn statement_that_runs_on_a_cluster_is_accepted(#[case] sql: &str) {
    assert_eq!(cluster_problems(sql), Vec::<String>::new(), "{sql}");
}

/// Returns the migrations after a version: name, SQL, and whether they run in steps.
fn migrations_after(last: &str) -> Vec<(String, String, bool)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let folders = fs::read_dir(folder).unwrap();
    let migrations = folders.map(|entry| {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let metadata = fs::read_to_string(folder.join("metadata.toml")).unwrap_or_default();
        let sql = fs::read_to_string(folder.join("up.sql")).unwrap();
        let is_stepwise = metadata.contains("run_in_transaction = false");
        (name, sql, is_stepwise)
    });
    let is_later = |(name, ..): &(String, String, bool)| name.split('_').next().unwrap() > last;
    migrations.filter(is_later).collect()
}

#[test]
fn new_migrations_lock_no_large_table() {
    for (name, sql, is_stepwise) in migrations_after(LAST_EXEMPT) {
        assert_eq!(problems(&sql, is_stepwise), Vec::<String>::new(), "{name}");
    }
}

#[rstest]
#[case("CREATE INDEX a ON devices (model)")]
#[case("-- comment\nCREATE UNIQUE INDEX a\n    ON devices (model)")]
#[case("ALTER TABLE devices ADD CONSTRAINT a CHECK (model <> ';')")]
#[case("ALTER TABLE devices ADD COLUMN a text CHECK (char_length(a) < 5)")]
#[case("ALTER TABLE devices ADD COLUMN a bigint REFERENCES users (id)")]
#[case("ALTER TABLE devices ADD COLUMN a float8 DEFAULT random()")]
#[case("ALTER TABLE devices ADD COLUMN a int GENERATED ALWAYS AS (id + 1) STORED")]
#[case("ALTER TABLE devices ALTER COLUMN model SET NOT NULL")]
#[case("ALTER TABLE IF EXISTS devices ALTER model TYPE varchar(5)")]
#[case("ALTER TABLE devices ADD PRIMARY KEY (id)")]
#[case("UPDATE devices SET model = 'a'")]
#[case("DO $$ BEGIN UPDATE ONLY devices SET model = NULL; END $$")]
#[case("DELETE FROM device_events WHERE id < 5")]
#[case("LOCK TABLE devices IN SHARE MODE")]
#[case("CREATE INDEX CONCURRENTLY a ON devices (model)")]
#[case(
    "ALTER TABLE devices ADD CONSTRAINT a CHECK (id > 0) NOT VALID; \
        ALTER TABLE devices VALIDATE CONSTRAINT a"
)]
#[case("SELECT 1; CREATE INDEX CONCURRENTLY IF NOT EXISTS a ON devices (model)")]
fn long_lock_is_rejected(#[case] sql: &str) {
    assert_eq!(problems(sql, true).len(), 1, "{sql}");
}

#[rstest]
#[case("CREATE TABLE a (b int); CREATE INDEX c ON a (b); ALTER TABLE a ADD CHECK (b > 0)")]
#[case("CREATE INDEX CONCURRENTLY IF NOT EXISTS a ON devices (model)")]
#[case("ALTER TABLE devices ADD COLUMN a text, ADD COLUMN b timestamptz DEFAULT now()")]
#[case(
    "ALTER TABLE devices ADD CONSTRAINT a CHECK (model <> 'x') NOT VALID\n-- next step\n\
        ALTER TABLE devices VALIDATE CONSTRAINT a"
)]
#[case("ALTER TABLE search_queue ADD COLUMN a int GENERATED ALWAYS AS (id + 1) STORED")]
#[case("DO $$ BEGIN LOOP UPDATE devices SET model = 'a' WHERE id < 5; COMMIT; END LOOP; END $$")]
#[case(
    "CREATE FUNCTION a() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
        UPDATE devices SET model = 'a' WHERE id = 1; END $$; CREATE VIEW b AS SELECT 1"
)]
#[case("-- UPDATE devices\nSELECT 'UPDATE devices SET a = 1'")]
fn short_lock_is_accepted(#[case] sql: &str) {
    assert_eq!(problems(sql, true), Vec::<String>::new(), "{sql}");
}
