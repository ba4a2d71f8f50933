//! The schema and the serving role.

use devices_tests::{Cluster, CommandOutput, TestDatabase, binary, run_at};
use serde_json::json;

use super::{run_err, run_ok};

#[test]
fn migrate_is_idempotent() {
    let database = TestDatabase::empty();
    let first = run_ok(&database, &["migrate", "--json"]).json();
    assert_ne!(first["migrations"], json!([]));
    let again = run_ok(&database, &["migrate", "--json"]).json();
    assert_eq!(again["migrations"], json!([]));
    assert_eq!(
        run_ok(&database, &["migrate"]).stdout,
        "The schema is up to date.\n"
    );
}

#[test]
fn commands_require_migrated_schema() {
    let database = TestDatabase::empty();
    let error = run_err(&database, &["workspace", "list"]);
    assert!(error.contains("devices-api migrate"), "{error}");
}

#[test]
fn transaction_pooler_is_rejected() {
    let database = TestDatabase::new();
    let startup_error = |command, migrate_on_start| {
        let output = binary()
            .env("DEVICES__DATABASE__URL", database.url())
            .env("DEVICES__DATABASE__POOLER", "transaction")
            .env("DEVICES__DATABASE__MIGRATE_ON_START", migrate_on_start)
            .arg(command)
            .output();
        let output = CommandOutput::from(output.unwrap());
        assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{output:?}");
        // `serve` logs what starts before it opens the database.
        let is_error = |line: &&str| !line.contains(r#""level":"INFO""#);
        let errors: Vec<_> = output.stderr.lines().filter(is_error).collect();
        assert_eq!(errors.len(), 1, "{output:?}");
        errors[0].to_owned()
    };
    for (command, migrate_on_start) in [("migrate", "false"), ("serve", "true")] {
        let error = startup_error(command, migrate_on_start);
        assert!(
            error.contains("DEVICES__DATABASE__POOLER=none")
                && error.contains("DEVICES__DATABASE__MIGRATE_ON_START=false"),
            "{error}"
        );
    }
    let error = startup_error("serve", "false");
    assert!(
        error.contains(" SET statement_timeout = '3000'; ALTER ROLE ")
            && error.contains(&format!(
                " SET role = '{}'; then let the pooler",
                database.serving_role()
            )),
        "{error}"
    );
}

/// Returns the advice of `migrate`.
fn migrate_advice(url: &str) -> String {
    let output = run_at(url, &["migrate", "--json"]);
    assert_eq!(output.code, 0, "{output:?}");
    let output = output.json();
    let advice = output["advice"].as_array().unwrap();
    let advice: Vec<_> = advice.iter().map(|text| text.as_str().unwrap()).collect();
    advice.join("\n")
}

#[test]
fn only_members_of_the_serving_role_may_connect() {
    // All users of a PostgreSQL server matter, so the test needs one of its own.
    let cluster = Cluster::create("roles");
    let admits_everyone = || {
        cluster.count(
            "pg_database, coalesce(datacl, acldefault('d', datdba)) AS acl, aclexplode(acl) \
             WHERE datname = current_database() AND grantee = 0 AND privilege_type = 'CONNECT'",
        ) == 1
    };
    let url_of = |user: &str| format!("{}&user={user}", cluster.url());
    assert_eq!(migrate_advice(cluster.url()), "");
    assert!(!admits_everyone());

    cluster.execute(
        "CREATE ROLE server LOGIN IN ROLE fleet_devices_serving_devices; CREATE ROLE backup LOGIN; \
         GRANT CONNECT ON DATABASE devices TO PUBLIC",
    );
    let advice = migrate_advice(cluster.url());
    assert!(
        advice.contains("also backup.") && advice.contains("REVOKE CONNECT ON DATABASE devices"),
        "{advice}"
    );
    assert!(admits_everyone());
    cluster.execute("GRANT CONNECT ON DATABASE devices TO backup");
    assert_eq!(migrate_advice(cluster.url()), "");
    assert!(!admits_everyone());
    assert_eq!(run_at(&url_of("server"), &["migrate"]).code, 0);

    cluster.execute(
        "CREATE ROLE owner LOGIN; GRANT CONNECT ON DATABASE devices TO PUBLIC; \
         DO $$ DECLARE name text; BEGIN \
             FOR name IN SELECT oid::regclass FROM pg_class \
                 WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v') LOOP \
                 EXECUTE format('ALTER TABLE %s OWNER TO owner', name); \
             END LOOP; \
         END $$",
    );
    let advice = migrate_advice(&url_of("owner"));
    let statements = "run: GRANT CONNECT ON DATABASE devices TO \"fleet_devices_serving_devices\"; \
                      REVOKE CONNECT ON DATABASE devices FROM PUBLIC;";
    assert!(advice.contains(statements), "{advice}");
}
