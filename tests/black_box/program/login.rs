//! Commands `login` and `logout`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use devices_tests::{Api, Program};
use serde_json::json;

use super::assert_no_file_contains;

/// Path of the stored URL and key, relative to the home directory.
const FILE: &str = ".config/fleet-devices/login.toml";

fn mode(path: &str) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn login_stores_the_key_for_the_user_only() {
    let api = Api::start();
    api.create_device(json!({ "serial_number": "LOGIN-1" }));
    let program = Program::new();
    let url = api.server.url("/");
    let output = program.run_with_input(&["login", &url], &format!("{}\n", api.key));
    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.stdout.contains("Logged in to http://"), "{output:?}");
    assert!(!output.stdout.contains("may only read"), "{output:?}");
    let printed = output.stdout + &output.stderr;
    assert!(!printed.contains(&api.key));
    assert_eq!(mode(&program.home.path(FILE)), 0o600);
    assert_eq!(mode(&program.home.path(".config/fleet-devices")), 0o700);
    assert!(program.run_ok(&["list"]).contains("LOGIN-1"));
}

#[test]
fn second_login_replaces_the_first() {
    let api = Api::start();
    let program = Program::new();
    let url = api.server.url("");
    let path = program
        .home
        .write(FILE, "url = 'http://old'\nkey = 'old'\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let output = program.run_with_input(&["login", &url, "--json"], &api.key);
    assert_eq!(
        output.json(),
        json!({ "url": url, "scope": "WRITE", "file": path })
    );
    assert_eq!(mode(&path), 0o600);
    let directory = Path::new(&path).parent().unwrap();
    assert_eq!(fs::read_dir(directory).unwrap().count(), 1);
    program.run_ok(&["list"]);
}

#[test]
fn login_with_a_read_key_says_so() {
    let api = Api::start();
    let key = api.create_key("acme", "READ");
    let output = Program::new().run_with_input(&["login", &api.server.url("")], &key);
    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.stdout.contains("may only read"), "{output:?}");
}

#[test]
fn rejected_key_is_not_stored() {
    let api = Api::start();
    let program = Program::new();
    let url = api.server.url("");
    for key in ["fdk_wrongwrongwrong", &format!("{}x", api.key)] {
        let output = program.run_with_input(&["login", &url], key);
        assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{output:?}");
        assert!(
            output.stderr.contains("does not accept the key"),
            "{output:?}"
        );
        assert!(!output.stderr.contains(key));
    }
    for key in ["", "\n", "two words"] {
        let output = program.run_with_input(&["login", &url], key);
        assert_eq!(output.code, 2, "{output:?}");
    }
    assert!(!Path::new(&program.home.path(FILE)).exists());
}

#[test]
fn login_needs_a_server() {
    let program = Program::new();
    for url in [
        "devices.example",
        "ftp://devices.example",
        "http://u:p@devices.example",
    ] {
        let error = program.run_err(2, &["login", url]);
        assert!(error.contains("invalid URL"), "{error}");
    }
    let output = program.run_with_input(&["login", "http://127.0.0.1:1"], "fdk_k");
    assert_eq!(output.code, 3, "{output:?}");
    assert!(output.stderr.contains("refused"), "{output:?}");
}

#[test]
fn command_without_login_says_what_to_do() {
    let program = Program::new();
    let error = program.run_err(2, &["list"]);
    assert!(error.contains("devices login URL"), "{error}");
    let program = program.env("DEVICES_URL", "http://127.0.0.1:1");
    let error = program.run_err(2, &["list"]);
    assert!(error.contains("no key for http://127.0.0.1:1"), "{error}");
}

#[test]
fn environment_overrides_the_login() {
    let api = Api::start();
    let program = Program::of(&api);
    program
        .home
        .write(FILE, "url = 'http://127.0.0.1:1'\nkey = 'other'\n");
    program.run_ok(&["list"]);
    let output = program.run_with_input(&["login", &api.server.url("")], &api.key);
    assert!(output.stderr.contains("DEVICES_KEY is set"), "{output:?}");
}

#[test]
fn damaged_file_is_reported_without_its_key() {
    let program = Program::new();
    program
        .home
        .write(FILE, "url = 'http://127.0.0.1:1'\nkey = fdk_secret\n");
    let error = program.run_err(1, &["list"]);
    assert!(error.contains("is damaged"), "{error}");
    assert!(!error.contains("fdk_secret"), "{error}");
}

#[test]
fn logout_removes_the_key() {
    let api = Api::start();
    let program = Program::new();
    program.run_with_input(&["login", &api.server.url("")], &api.key);
    assert!(program.run_ok(&["logout"]).contains("Removed"));
    assert_no_file_contains(Path::new(&program.home.path("")), &api.key);
    assert!(program.run_ok(&["logout"]).contains("Nothing is stored"));
    program.run_err(2, &["list"]);
}
