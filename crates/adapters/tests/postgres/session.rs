//! Session settings.

use std::time::Duration;

use devices_adapters::postgres::{
    Database, DatabaseOptions, SessionSettings, missing_settings_sql, role_privileges,
};
use devices_domain::StoreHealth;
use devices_tests::{LoginRole, TestDatabase};

use super::{block_on, options};

fn per_role() -> DatabaseOptions {
    DatabaseOptions {
        pool_timeout: Duration::from_millis(500),
        session: SessionSettings::PerRole,
        ..options()
    }
}

#[test]
fn role_without_settings_is_rejected() {
    let database = TestDatabase::new();
    database.set_default("default_transaction_isolation", "serializable");
    let login = LoginRole::serving(&database);
    let pool = Database::new(login.url(), &per_role()).unwrap();
    let instructions = missing_settings_sql(login.url(), &per_role())
        .unwrap()
        .unwrap();
    let error = block_on(pool.ping()).unwrap_err().to_string();
    assert!(error.contains(&instructions), "{error}");

    let (_, statements) = instructions.split_once("Run: ").unwrap();
    let (statements, _) = statements.split_once("; then let").unwrap();
    assert_eq!(statements.matches("ALTER ROLE").count(), 6, "{statements}");
    database.execute(statements);
    assert_eq!(
        missing_settings_sql(login.url(), &per_role()).unwrap(),
        None
    );
    // The first pool reuses its result for a second.
    let pool = Database::new(login.url(), &per_role()).unwrap();
    block_on(pool.ping()).unwrap();
}

#[test]
fn instructions_contain_only_missing_settings() {
    let database = TestDatabase::new();
    let login = LoginRole::member_of(&database, "pg_monitor");
    let name = login.name();
    let serving_role = database.serving_role();
    database.execute(&format!("ALTER ROLE {name} SET jit = off"));
    let instructions = missing_settings_sql(login.url(), &per_role())
        .unwrap()
        .unwrap();
    assert!(
        instructions.contains(&format!("Run: GRANT {serving_role} TO {name}; ALTER ROLE")),
        "{instructions}"
    );
    assert!(!instructions.contains("jit"), "{instructions}");
}

#[test]
fn privileges_are_those_of_the_login_role() {
    let database = TestDatabase::new();
    let login = LoginRole::serving(&database);
    let name = login.name();
    let serving_role = database.serving_role();
    database.execute(&format!(
        "ALTER ROLE {name} CREATEROLE; ALTER ROLE {name} SET role = {serving_role}"
    ));
    let privileges = role_privileges(login.url(), None).unwrap();
    assert_eq!(
        (privileges.user.as_str(), privileges.surplus),
        (name, vec!["may create roles".to_owned()])
    );
    assert_eq!(privileges.cannot_assume_role, None);
}
