//! The settings `bootstrap.*`.

use devices_tests::{Directory, Server, ServerOptions, TestDatabase, run};
use serde_json::Value;

use super::{pending_file, post_device, read_secret, setup};

fn options(file: &str) -> ServerOptions {
    ServerOptions::with("DEVICES__BOOTSTRAP__WORKSPACE", "acme")
        .and("DEVICES__BOOTSTRAP__KEY_FILE", file)
}

#[test]
fn first_start_creates_workspace_and_key() {
    let (database, directory) = (TestDatabase::empty(), Directory::new());
    let file = directory.path("key");
    let server = Server::start_with(&database, &options(&file));
    let secret = read_secret(&file);
    assert_eq!(post_device(&server, &secret), 201);
    let log = server.log_lines().join("\n");
    assert!(log.contains("created the first workspace"), "{log}");
    assert!(!log.contains(&secret) && !log.contains(&file), "{log}");
    drop(server);

    // Later starts create nothing, also after the file was moved away.
    std::fs::remove_file(&file).unwrap();
    let server = Server::start_with(&database, &options(&file));
    assert_eq!(post_device(&server, &secret), 201);
    assert!(!std::fs::exists(&file).unwrap());
    assert_eq!(database.count("api_keys"), 1);
}

#[test]
fn start_after_an_interrupted_one_creates_the_key() {
    let (database, directory) = (TestDatabase::new(), Directory::new());
    let file = directory.path("key");
    let created = run(&database, &["workspace", "create", "acme"]);
    assert_eq!(created.code, 0, "{created:?}");
    let server = Server::start_with(&database, &options(&file));
    assert_eq!(post_device(&server, &read_secret(&file)), 201);
}

#[test]
fn interrupted_start_of_another_workspace_creates_nothing() {
    let (database, directory) = (TestDatabase::empty(), Directory::new());
    let file = directory.path("key");
    drop(Server::start_with(&database, &options(&file)));
    let (secret, pending) = (read_secret(&file), pending_file(&database, &file));
    std::fs::rename(&file, &pending).unwrap();
    let renamed = options(&file).and("DEVICES__BOOTSTRAP__WORKSPACE", "globex");
    drop(Server::start_with(&database, &renamed));
    assert!(!std::fs::exists(&file).unwrap());
    assert_eq!(database.count("workspaces"), 1);
    let server = Server::start_with(&database, &options(&file));
    assert_eq!(read_secret(&file), secret);
    assert_eq!(post_device(&server, &secret), 201);
}

#[test]
fn database_with_another_workspace_is_not_bootstrapped() {
    let (database, directory) = (TestDatabase::new(), Directory::new());
    let file = directory.path("key");
    let created = run(&database, &["workspace", "create", "globex"]);
    assert_eq!(created.code, 0, "{created:?}");
    let _server = Server::start_with(&database, &options(&file));
    assert!(!std::fs::exists(&file).unwrap());
    assert_eq!(database.count("workspaces"), 1);
}

#[test]
fn server_that_does_not_migrate_does_not_bootstrap() {
    let (database, directory) = (TestDatabase::new(), Directory::new());
    let options = options(&directory.path("key"));
    let options = options.and("DEVICES__DATABASE__MIGRATE_ON_START", "false");
    let _server = Server::start_with(&database, &options);
    assert_eq!(database.count("workspaces"), 0);
}

#[test]
fn concurrent_first_starts_create_one_key() {
    let (database, directory) = (TestDatabase::empty(), Directory::new());
    let file = directory.path("key");
    let servers = std::thread::scope(|scope| {
        let start = || Server::start_with(&database, &options(&file));
        let starts = [(); 3].map(|()| scope.spawn(start));
        starts.map(|start| start.join().unwrap())
    });
    assert_eq!(post_device(&servers[0], &read_secret(&file)), 201);
    assert_eq!(
        (database.count("workspaces"), database.count("api_keys")),
        (1, 1)
    );
}

#[test]
fn setup_without_workspace_uses_the_settings() {
    let (database, directory) = (TestDatabase::empty(), Directory::new());
    let file = directory.path("key");
    let settings = [
        ("DEVICES__BOOTSTRAP__WORKSPACE", "acme"),
        ("DEVICES__BOOTSTRAP__KEY_FILE", file.as_str()),
    ];
    let run_setup = || {
        let output = setup(database.url(), &["--json"], &settings);
        assert_eq!(output.code, 0, "{output:?}");
        output.json()
    };
    let first = run_setup();
    assert_eq!(first["key"]["key_file"], file);
    assert_eq!(first["key"]["secret"], Value::Null);
    let secret = read_secret(&file);
    let again = run_setup();
    assert_eq!(
        (&again["workspace"], &again["key"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(read_secret(&file), secret);
    let server = Server::start(&database);
    assert_eq!(post_device(&server, &secret), 201);
}
