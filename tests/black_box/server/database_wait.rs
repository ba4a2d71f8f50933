//! Waiting for a database that does not accept connections yet.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, ChildStderr, Command, Stdio};

use devices_tests::{CommandOutput, LoginRole, Proxy, ProxyMode, TestDatabase, binary};

/// Returns a command that waits for the database at `url` for an hour.
fn patient(url: &str, arguments: &[&str]) -> Command {
    let mut command = binary();
    command
        .env("DEVICES__DATABASE__URL", url)
        .env("DEVICES__DATABASE__WAIT_SECONDS", "3600")
        .env("DEVICES__SERVER__PORT", "0")
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Starts a command, and returns it with its log when it has begun to wait.
fn start_waiting(url: &str, arguments: &[&str]) -> (Child, BufReader<ChildStderr>) {
    let mut process = patient(url, arguments).spawn().unwrap();
    let mut log = BufReader::new(process.stderr.take().unwrap());
    let mut line = String::new();
    log.read_line(&mut line).unwrap();
    assert!(line.contains("waiting for the database"), "{line}");
    assert!(line.contains(r#""max_seconds":3600"#), "{line}");
    (process, log)
}

/// Returns a proxy that closes every connection, like a container whose server does not listen yet.
fn unavailable(database: &TestDatabase) -> Proxy {
    let proxy = Proxy::in_front_of(database);
    proxy.set_mode(ProxyMode::Disconnect);
    proxy
}

#[test]
fn serve_waits_for_the_database() {
    let database = TestDatabase::new();
    let proxy = unavailable(&database);
    let (mut server, _log) = start_waiting(proxy.url(), &["serve"]);
    proxy.set_mode(ProxyMode::Forward);
    let mut line = String::new();
    let mut output = BufReader::new(server.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    assert!(line.contains("http://127.0.0.1:"), "{line}");
    server.kill().unwrap();
    server.wait().unwrap();
}

#[test]
fn migrate_waits_for_the_database() {
    let database = TestDatabase::empty();
    let proxy = unavailable(&database);
    let (mut migrate, mut log) = start_waiting(proxy.url(), &["migrate"]);
    proxy.set_mode(ProxyMode::Forward);
    let mut rest = String::new();
    log.read_to_string(&mut rest).unwrap();
    assert!(migrate.wait().unwrap().success(), "{rest}");
    assert!(!rest.contains("waiting"), "{rest}");
    assert_eq!(database.count("workspaces"), 0);
}

#[test]
fn stopped_wait_ends_at_once() {
    let database = TestDatabase::new();
    let proxy = unavailable(&database);
    for command in ["serve", "migrate"] {
        let (mut process, _log) = start_waiting(proxy.url(), &[command]);
        let pid = process.id().to_string();
        let sent = Command::new("kill").args(["-s", "TERM", &pid]).status();
        assert!(sent.unwrap().success());
        // No code: the signal itself has ended the process.
        assert_eq!(process.wait().unwrap().code(), None, "{command}");
    }
}

#[test]
fn rejected_connection_is_not_retried() {
    let database = TestDatabase::new();
    let stranger = LoginRole::member_of(&database, &database.serving_role());
    stranger.limit_connections(Some(0));
    let separator = if database.url().contains('?') {
        "&"
    } else {
        "?"
    };
    let with = |parameter: &str| format!("{}{separator}{parameter}", database.url());
    for url in [
        with("dbname=nowhere"),
        with("user=nobody_here"),
        stranger.url().to_owned(),
    ] {
        for command in ["serve", "migrate"] {
            let output = CommandOutput::from(patient(&url, &[command]).output().unwrap());
            assert_eq!(output.code, 1, "{output:?}");
            assert!(!output.stderr.contains("waiting"), "{output:?}");
        }
    }
}

#[test]
fn admin_command_does_not_wait() {
    let database = TestDatabase::new();
    let proxy = unavailable(&database);
    let command = patient(proxy.url(), &["workspace", "list"]).output();
    let output = CommandOutput::from(command.unwrap());
    assert_eq!(output.code, 1, "{output:?}");
    assert!(
        output.stderr.starts_with("error: cannot use the database"),
        "{output:?}"
    );
}

#[test]
fn wait_ends_with_the_last_reason() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "postgres://a@{}/b?sslmode=disable",
        listener.local_addr().unwrap()
    );
    std::thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let mut startup = [0; 256];
            let size = client.read(&mut startup).unwrap();
            assert!(size > 0);
            client.write_all(&starting_up()).unwrap();
        }
    });
    let output = patient(&url, &["migrate"])
        .env("DEVICES__DATABASE__WAIT_SECONDS", "1")
        .output()
        .unwrap();
    let output = CommandOutput::from(output);
    let lines: Vec<_> = output.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{output:?}");
    assert!(lines[0].contains("waiting for the database"), "{output:?}");
    assert!(lines[1].contains("starting up"), "{output:?}");
}

/// Returns the error of a PostgreSQL that is starting.
/// <https://www.postgresql.org/docs/current/protocol-message-formats.html>
fn starting_up() -> Vec<u8> {
    let fields = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0";
    let length = u32::try_from(fields.len() + 4).unwrap();
    [b"E", &length.to_be_bytes()[..], fields].concat()
}
