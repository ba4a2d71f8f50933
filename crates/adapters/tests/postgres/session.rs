//! Who sees to the settings of a session.

use std::time::Duration;

use devices_adapters::postgres::{
    Database, DatabaseOptions, SERVING_ROLE, SessionSettings, missing_settings_sql, role_privileges,
};
use devices_domain::StoreHealth;
use devices_tests::{LoginRole, TestDatabase};

use super::{block_on, options};

fn stored() -> DatabaseOptions {
    DatabaseOptions {
        pool_timeout: Duration::from_millis(500),
        session: SessionSettings::PerRole,
        ..options()
    }
}

#[test]
fn a_pool_refuses_a_session_without_its_settings_and_takes_it_once_they_are_stored() {
    let database = TestDatabase::new();
    database.set_default("default_transaction_isolation", "serializable");
    let login = LoginRole::member_of(&database, SERVING_ROLE);
    let pool = Database::new(login.url(), &stored()).unwrap();
    let remedy = missing_settings_sql(login.url(), &stored())
        .unwrap()
        .unwrap();
    let refused = block_on(pool.ping()).unwrap_err().to_string();
    assert!(refused.contains(&remedy), "{refused}");

    let (_, statements) = remedy.split_once("Run: ").unwrap();
    let (statements, _) = statements.split_once("; then let").unwrap();
    assert_eq!(statements.matches("ALTER ROLE").count(), 6, "{statements}");
    database.execute(statements);
    assert_eq!(missing_settings_sql(login.url(), &stored()).unwrap(), None);
    block_on(pool.ping()).unwrap();
}

#[test]
fn the_remedy_names_only_what_is_missing() {
    let database = TestDatabase::new();
    let login = LoginRole::member_of(&database, "pg_monitor");
    let name = login.name();
    database.execute(&format!("ALTER ROLE {name} SET jit = off"));
    let remedy = missing_settings_sql(login.url(), &stored())
        .unwrap()
        .unwrap();
    assert!(
        remedy.contains(&format!("Run: GRANT {SERVING_ROLE} TO {name}; ALTER ROLE")),
        "{remedy}"
    );
    assert!(!remedy.contains("jit"), "{remedy}");
}

#[test]
fn a_session_that_begins_as_the_serving_role_does_not_hide_who_logged_in() {
    let database = TestDatabase::new();
    let login = LoginRole::member_of(&database, SERVING_ROLE);
    let name = login.name();
    database.execute(&format!(
        "ALTER ROLE {name} CREATEROLE; ALTER ROLE {name} SET role = {SERVING_ROLE}"
    ));
    let rights = role_privileges(login.url()).unwrap();
    assert_eq!(
        (rights.user.as_str(), rights.surplus),
        (name, vec!["may create roles".to_owned()])
    );
    assert_eq!(rights.cannot_assume_role, None);
}
