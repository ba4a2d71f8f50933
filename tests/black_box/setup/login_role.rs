//! The login role of `setup --login`.

use std::time::Instant;

use devices_tests::{Cluster, Directory, LoginRole, TIMEOUT, TestDatabase, execute, run_at};
use diesel::Connection;
use diesel::pg::PgConnection;

use super::{setup_err, setup_ok};

/// Lets the server ask `devices_server` for its password.
fn require_password(cluster: &Cluster) {
    cluster.execute(
        "DO $$ BEGIN EXECUTE format('COPY (VALUES (%L), (%L)) TO %L', \
             'local all devices_server scram-sha-256', 'local all all trust', \
             current_setting('hba_file')); END $$; SELECT pg_reload_conf()",
    );
    // The postmaster reads the file a little later.
    let wrong = format!("{}&user=devices_server&password=wrong", cluster.url());
    let deadline = Instant::now() + TIMEOUT;
    while PgConnection::establish(&wrong).is_ok() {
        assert!(Instant::now() < deadline, "the password is not required");
    }
}

#[test]
fn owner_that_may_create_roles_creates_the_login_role() {
    // All roles of a PostgreSQL server matter, so the test needs one of its own.
    let (cluster, directory) = (Cluster::create("setup"), Directory::new());
    cluster.execute("CREATE ROLE owner LOGIN CREATEROLE; ALTER DATABASE devices OWNER TO owner");
    let owner = format!("{}&user=owner", cluster.url());
    let password_file = directory.path("password");
    let login = [
        "--login",
        "devices_server",
        "--password-file",
        &password_file,
    ];
    let arguments = [&["--workspace", "acme", "--json"], login.as_slice()].concat();
    let set_up = |password: &str| {
        std::fs::write(&password_file, format!("{password}\n")).unwrap();
        setup_ok(&owner, &arguments).json()
    };
    let connect = |password: &str| {
        let user = format!("&user=devices_server&password={password}");
        PgConnection::establish(&format!("{}{user}", cluster.url()))
    };

    let report = set_up("first-passw0rd");
    assert_eq!(report["login_role"]["is_created"], true);
    assert!(report["key"]["secret"].is_string());
    require_password(&cluster);
    let mut server = connect("first-passw0rd").unwrap();
    execute(
        &mut server,
        "SET ROLE fleet_devices_serving_devices; SELECT FROM devices",
    );
    // Neither the owner nor the server has advice left.
    assert_eq!(report["advice"], serde_json::json!([]));
    let serving = format!(
        "{}&user=devices_server&password=first-passw0rd",
        cluster.url()
    );
    assert_eq!(run_at(&serving, &["migrate", "--json"]).code, 0);

    let report = set_up("second-passw0rd");
    assert_eq!(report["login_role"]["is_created"], false);
    assert!(report["key"].is_null());
    assert!(connect("first-passw0rd").is_err());
    connect("second-passw0rd").unwrap();
    let memberships = "pg_auth_members WHERE member = 'devices_server'::regrole";
    assert_eq!(cluster.count(memberships), 1);
    let verifiers = "pg_authid WHERE rolname = 'devices_server' \
                     AND rolpassword LIKE 'SCRAM-SHA-256$%'";
    assert_eq!(cluster.count(verifiers), 1);
}

#[test]
fn role_with_other_privileges_is_rejected() {
    let (database, directory) = (TestDatabase::new(), Directory::new());
    let file = directory.path("password");
    std::fs::write(&file, "passw0rd").unwrap();
    let set_up = |role: &str| {
        let login = ["--login", role, "--password-file", &file];
        setup_err(database.url(), &login)
    };
    let monitor = LoginRole::member_of(&database, "pg_monitor");
    let error = set_up(monitor.name());
    assert!(error.contains("is a member of \"pg_monitor\""), "{error}");
    let creator = LoginRole::serving(&database);
    database.execute(&format!("ALTER ROLE {} CREATEDB", creator.name()));
    let error = set_up(creator.name());
    assert!(error.contains("may create databases"), "{error}");
    let error = set_up(&database.serving_role());
    assert!(error.contains("may not log in"), "{error}");
    let passwords = format!(
        "pg_authid WHERE rolname IN ('{}', '{}') AND rolpassword IS NOT NULL",
        monitor.name(),
        creator.name()
    );
    assert_eq!(database.count(&passwords), 0);
}

#[test]
fn owner_without_createrole_gets_the_statements() {
    let (cluster, directory) = (Cluster::create("setupplain"), Directory::new());
    let file = directory.path("password");
    std::fs::write(&file, "passw0rd").unwrap();
    cluster.execute("CREATE ROLE owner LOGIN; ALTER DATABASE devices OWNER TO owner");
    let owner = format!("{}&user=owner", cluster.url());
    let login = ["--login", "devices_server", "--password-file", &file];
    let error = setup_err(&owner, &login);
    let statements = "CREATE ROLE \"devices_server\" LOGIN; GRANT \
                      \"fleet_devices_serving_devices\" TO \"devices_server\";";
    assert!(error.contains(statements), "{error}");
    assert!(!error.contains("SCRAM"), "{error}");
}

#[test]
fn unsuitable_password_file_changes_nothing() {
    let (database, directory) = (TestDatabase::empty(), Directory::new());
    let file = directory.path("password");
    let login = ["--login", "devices_server", "--password-file", &file];
    let missing = setup_err(database.url(), &login);
    assert!(
        missing.contains("cannot read the file of --password-file"),
        "{missing}"
    );
    for text in ["", "\n", "two\nlines\n"] {
        std::fs::write(&file, text).unwrap();
        let error = setup_err(database.url(), &login);
        assert!(error.contains("the password in one line"), "{error}");
    }
    assert_eq!(database.count("pg_class WHERE relname = 'devices'"), 0);
}
