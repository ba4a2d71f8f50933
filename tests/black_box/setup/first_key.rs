//! The workspace and the key of `setup`.

use devices_tests::{Server, TestDatabase, run};
use serde_json::{Value, json};

use super::{Directory, post_device, read_secret, setup_err, setup_ok};

#[test]
fn empty_database_gets_a_key() {
    let database = TestDatabase::empty();
    let output = setup_ok(database.url(), &["--workspace", "acme"]);
    let mut lines = output.stdout.lines();
    let secret = lines.find(|line| line.starts_with("fdk_1_")).unwrap();
    assert_eq!(output.stdout.matches(secret).count(), 1);
    assert!(!output.stderr.contains(secret), "{output:?}");
    let server = Server::start(&database);
    assert_eq!(post_device(&server, secret), 201);
    let keys = run(&database, &["key", "list", "--json"]).json();
    assert_eq!(keys[0]["scope"], "ADMIN");
}

#[test]
fn repeated_setup_keeps_what_exists() {
    let database = TestDatabase::empty();
    let arguments = ["--workspace", "acme", "--json"];
    let first = setup_ok(database.url(), &arguments).json();
    assert_ne!(first["migrations"], json!([]));
    assert_eq!(first["workspace"]["is_created"], true);
    assert!(first["key"]["secret"].is_string());
    let again = setup_ok(database.url(), &arguments).json();
    assert_eq!(again["migrations"], json!([]));
    assert_eq!(again["workspace"]["is_created"], false);
    assert_eq!(
        (&again["key"], &again["serving_role"]),
        (&Value::Null, &first["serving_role"])
    );
    let text = setup_ok(database.url(), &["--workspace", "acme"]).stdout;
    assert!(text.contains("\"acme\" exists"), "{text}");
    assert!(text.contains("has an active one"), "{text}");
    assert_eq!(database.count("api_keys"), 1);

    let revoked = run(&database, &["key", "revoke", "1"]);
    assert_eq!(revoked.code, 0, "{revoked:?}");
    let replaced = setup_ok(database.url(), &arguments).json();
    assert_eq!(replaced["key"]["id"], 2);
    let other = setup_ok(database.url(), &["--workspace", "globex", "--json"]).json();
    assert_eq!(other["workspace"]["id"], 2);
}

#[test]
fn secret_is_written_to_a_new_file() {
    let (database, directory) = (TestDatabase::empty(), Directory::new("setup-file"));
    let file = directory.path("key");
    let arguments = ["--workspace", "acme", "--key-file", &file];
    let output = setup_ok(database.url(), &arguments);
    let secret = read_secret(&file);
    assert!(!format!("{output:?}").contains(&secret), "{output:?}");
    assert!(output.stdout.contains(&file), "{output:?}");
    assert!(!std::fs::exists(directory.path("key.new")).unwrap());
    let server = Server::start(&database);
    assert_eq!(post_device(&server, &secret), 201);

    setup_ok(database.url(), &arguments);
    assert_eq!(read_secret(&file), secret);
    let other = ["--workspace", "globex", "--key-file", &file];
    let error = setup_err(database.url(), &other);
    assert!(error.contains("exists already"), "{error}");
    assert_eq!(read_secret(&file), secret);
    assert_eq!(database.count("api_keys"), 1);
}

#[test]
fn unwritable_key_file_creates_no_key() {
    let (database, directory) = (TestDatabase::empty(), Directory::new("setup-unwritable"));
    let file = directory.path("missing/key");
    let arguments = ["--workspace", "acme", "--key-file", &file];
    let error = setup_err(database.url(), &arguments);
    assert!(error.contains("--key-file"), "{error}");
    assert_eq!(database.count("api_keys"), 0);
}

#[test]
fn interrupted_setup_is_finished() {
    let (database, directory) = (TestDatabase::empty(), Directory::new("setup-interrupted"));
    let (file, pending) = (directory.path("key"), directory.path("key.new"));
    let arguments = ["--workspace", "acme", "--key-file", &file, "--json"];
    setup_ok(database.url(), &arguments);
    let secret = read_secret(&file);

    // Crashed after the key was stored.
    std::fs::rename(&file, &pending).unwrap();
    let finished = setup_ok(database.url(), &arguments).json();
    assert_eq!(finished["key"]["id"], 1);
    assert_eq!(read_secret(&file), secret);

    // Crashed before the key was stored.
    std::fs::rename(&file, &pending).unwrap();
    database.execute("DELETE FROM api_keys");
    let repeated = setup_ok(database.url(), &arguments).json();
    assert_eq!(repeated["key"]["id"], 2);
    assert_ne!(read_secret(&file), secret);
    assert!(!std::fs::exists(&pending).unwrap());
    let server = Server::start(&database);
    assert_eq!(post_device(&server, &read_secret(&file)), 201);
}

#[test]
fn concurrent_setups_create_one_key() {
    let (database, directory) = (TestDatabase::empty(), Directory::new("setup-concurrent"));
    let file = directory.path("key");
    let arguments = ["--workspace", "acme", "--key-file", &file, "--json"];
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| setup_ok(database.url(), &arguments));
        }
    });
    assert_eq!(
        (database.count("workspaces"), database.count("api_keys")),
        (1, 1)
    );
    let server = Server::start(&database);
    assert_eq!(post_device(&server, &read_secret(&file)), 201);
}
