//! Command `healthcheck`.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use devices_tests::{Api, CommandOutput, binary};

/// Checks the server on a port of this machine.
fn check(port: &str, arguments: &[&str]) -> CommandOutput {
    let output = binary()
        .env("DEVICES__SERVER__PORT", port)
        // No proxy may answer for the server.
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .arg("healthcheck")
        .args(arguments)
        .output();
    output.unwrap().into()
}

/// Checks a server that must be unhealthy. Returns the error, which must be one line.
fn error_of(port: &str, arguments: &[&str]) -> String {
    let output = check(port, arguments);
    assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{output:?}");
    assert_eq!(output.stderr.lines().count(), 1, "{output:?}");
    output.stderr
}

#[test]
fn health_follows_the_database() {
    let api = Api::start();
    let (_, port) = api.server.address().rsplit_once(':').unwrap();
    let ready = check(port, &[]);
    assert_eq!(
        (ready.code, ready.stdout.as_str()),
        (0, "ready\n"),
        "{ready:?}"
    );
    assert_eq!(check(port, &["--json"]).json()["status"], "ready");
    api.database.reject_connections();
    // The server reuses the result of a readiness check for a second.
    let deadline = Instant::now() + Duration::from_secs(60);
    while check(port, &[]).code == 0 {
        assert!(Instant::now() < deadline, "the server is still ready");
    }
    let error = error_of(port, &[]);
    assert!(
        error.contains("GET /readyz with 503: SERVICE_UNAVAILABLE"),
        "{error}"
    );
    assert_eq!(check(port, &["--live"]).stdout, "ok\n");
    api.database.accept_connections();
}

#[test]
fn missing_server_is_unhealthy() {
    // Nothing listens on a privileged port that no service uses.
    let port = "1";
    let error = error_of(port, &["--live"]);
    assert!(error.contains("Connection refused"), "{error}");
    assert!(error.contains("DEVICES__SERVER__PORT"), "{error}");
}

#[test]
fn silent_server_is_unhealthy() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let error = error_of(&port, &[]);
    assert!(error.contains("timeout after 5 s"), "{error}");
}

#[test]
fn health_of_unknown_port_is_rejected() {
    let error = error_of("0", &[]);
    assert!(error.contains("DEVICES__SERVER__PORT is 0"), "{error}");
}
