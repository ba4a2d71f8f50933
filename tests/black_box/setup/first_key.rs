//! The workspace and the key of `setup`.

use devices_tests::{Directory, Proxy, ProxyMode, Server, TestDatabase, execute, run};
use serde_json::{Value, json};

use super::{pending_file, post_device, read_secret, setup_err, setup_ok};

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
    let (database, directory) = (TestDatabase::empty(), Directory::new());
    let file = directory.path("key");
    let arguments = ["--workspace", "acme", "--key-file", &file];
    let output = setup_ok(database.url(), &arguments);
    let secret = read_secret(&file);
    assert!(!format!("{output:?}").contains(&secret), "{output:?}");
    assert!(output.stdout.contains(&file), "{output:?}");
    assert!(!std::fs::exists(pending_file(&database, &file)).unwrap());
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
    let (database, directory) = (TestDatabase::empty(), Directory::new());
    let file = directory.path("missing/key");
    let arguments = ["--workspace", "acme", "--key-file", &file];
    let error = setup_err(database.url(), &arguments);
    assert!(error.contains("--key-file"), "{error}");
    assert_eq!(database.count("api_keys"), 0);
}

#[test]
fn interrupted_setup_is_finished() {
    let (database, directory) = (TestDatabase::empty(), Directory::new());
    let file = directory.path("key");
    let arguments = ["--workspace", "acme", "--key-file", &file, "--json"];
    setup_ok(database.url(), &arguments);
    let secret = read_secret(&file);

    // Crashed after the key was stored.
    let pending = pending_file(&database, &file);
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
fn interrupted_setup_is_finished_for_its_workspace_only() {
    let (database, directory) = (TestDatabase::empty(), Directory::new());
    let file = directory.path("key");
    setup_ok(
        database.url(),
        &["--workspace", "acme", "--key-file", &file],
    );
    let (secret, pending) = (read_secret(&file), pending_file(&database, &file));
    std::fs::rename(&file, &pending).unwrap();
    let other = ["--workspace", "globex", "--key-file", &file, "--json"];
    let created = setup_ok(database.url(), &other).json();
    assert_eq!(
        (&created["workspace"]["id"], &created["key"]["id"]),
        (&json!(2), &json!(2))
    );
    assert_ne!(read_secret(&file), secret);
    assert_eq!(read_secret(&pending), secret);
    assert_eq!(database.count("api_keys WHERE workspace_id = 2"), 1);
}

#[test]
fn pending_file_of_other_origin_is_rejected() {
    let (database, directory) = (TestDatabase::empty(), Directory::new());
    let (file, planted) = (directory.path("key"), directory.path("planted"));
    setup_ok(
        database.url(),
        &["--workspace", "acme", "--key-file", &planted],
    );
    let pending = pending_file(&database, &file);
    std::os::unix::fs::symlink(&planted, &pending).unwrap();
    let arguments = ["--workspace", "acme", "--key-file", &file];
    let error = setup_err(database.url(), &arguments);
    assert!(error.contains("Remove it"), "{error}");
    std::fs::remove_file(&pending).unwrap();

    // A key that `setup` has not created.
    database.execute("UPDATE api_keys SET scope = 'READ'");
    std::fs::rename(&planted, &pending).unwrap();
    let error = setup_err(database.url(), &arguments);
    assert!(error.contains("Remove it"), "{error}");
    assert!(!std::fs::exists(&file).unwrap());
}

#[test]
fn key_in_doubt_is_reported() {
    let database = TestDatabase::new();
    run(&database, &["workspace", "create", "acme"]);
    let proxy = Proxy::in_front_of(&database);
    let mut blocker = database.connect();
    let lock = "SELECT pg_advisory_lock(hashtextextended('api keys', 1))";
    execute(&mut blocker, lock);
    let error = std::thread::scope(|scope| {
        let error = scope.spawn(|| setup_err(proxy.url(), &["--workspace", "acme"]));
        database.wait_for_blocked_statement();
        proxy.set_mode(ProxyMode::DisconnectAfterCommit {
            stay_disconnected: false,
        });
        drop(blocker);
        error.join().unwrap()
    });
    assert!(error.contains("named `setup`, revoke it"), "{error}");
    run(&database, &["key", "revoke", "1"]);
    setup_ok(database.url(), &["--workspace", "acme"]);
}

#[test]
fn concurrent_setups_create_one_key() {
    let (database, directory) = (TestDatabase::empty(), Directory::new());
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
