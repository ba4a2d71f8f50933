//! Setup of an empty database: `setup`, and the settings `bootstrap.*`.

mod bootstrap;
mod first_key;
mod login_role;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use devices_tests::{CommandOutput, Server, binary, device, send};
use serde_json::json;

/// A directory that is removed when the value is dropped.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("devices-{name}-{}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

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

/// Returns the status of the response to a batch of one device.
fn post_device(server: &Server, secret: &str) -> u16 {
    let client = reqwest::blocking::Client::new();
    let request = client.post(server.url("/devices")).bearer_auth(secret);
    send(request.json(&json!({"devices": [device(json!({}))]}))).status
}
