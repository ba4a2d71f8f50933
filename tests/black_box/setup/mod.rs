//! Setup of an empty database: `setup`, and the settings `bootstrap.*`.

mod bootstrap;
mod first_key;
mod login_role;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use devices_tests::{CommandOutput, Server, TestDatabase, binary, device, send};
use serde_json::json;

/// Runs `setup` on the database at `url`.
fn setup(url: &str, arguments: &[&str], settings: &[(&str, &str)]) -> CommandOutput {
    let output = binary()
        .env("DEVICES__DATABASE__URL", url)
        .envs(settings.iter().copied())
        .arg("setup")
        .args(arguments)
        .output();
    output.unwrap().into()
}

/// Runs `setup` with arguments with which it must succeed.
fn setup_ok(url: &str, arguments: &[&str]) -> CommandOutput {
    let output = setup(url, arguments, &[]);
    assert_eq!(output.code, 0, "{arguments:?}: {output:?}");
    output
}

/// Runs `setup` with arguments with which it must fail. Returns its error.
fn setup_err(url: &str, arguments: &[&str]) -> String {
    let output = setup(url, arguments, &[]);
    assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{output:?}");
    output.stderr
}

/// Reads the secret in a file that only its owner may read.
fn read_secret(file: impl AsRef<Path>) -> String {
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    std::fs::read_to_string(&file).unwrap().trim().to_owned()
}

/// Returns the path of the file that receives the secret of the only workspace at first.
fn pending_file(database: &TestDatabase, file: &str) -> String {
    let suffix = "SELECT format('%s-%s', id, (extract(epoch FROM created_at) * 1000000)::bigint) \
                  FROM workspaces";
    format!("{file}.{}.new", database.texts(suffix)[0])
}

/// Returns the status of the response to a batch of one device.
fn post_device(server: &Server, secret: &str) -> u16 {
    let client = reqwest::blocking::Client::new();
    let request = client.post(server.url("/devices")).bearer_auth(secret);
    send(request.json(&json!({"devices": [device(json!({}))]}))).status
}
