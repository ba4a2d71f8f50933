//! Command `config check`.

use std::process::Command;

use devices_tests::{CommandOutput, Directory, binary};
use serde_json::{Value, json};

use crate::server::settings::{SECRET_URL, error_of, variables, with_settings};

/// Checks settings that must be valid. Returns the output, which must not contain the secret.
fn check(command: &mut Command) -> CommandOutput {
    let output = command.args(["config", "check"]).output().unwrap();
    let output = CommandOutput::from(output);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
    for secret in ["hunter2", "fleet:", "db.invalid"] {
        assert!(!output.stdout.contains(secret), "{output:?}");
    }
    output
}

/// Returns a setting of the output of `config check --json`.
fn setting<'a>(checked: &'a Value, key: &str) -> &'a Value {
    let mut settings = checked["settings"].as_array().unwrap().iter();
    settings.find(|setting| setting["setting"] == key).unwrap()
}

#[test]
fn settings_are_listed_with_their_sources() {
    let directory = with_settings("[server]\nport = 1\n[limits]\nbody_bytes = 2048\n");
    let config = directory.write("a.toml", "[server]\nport = 2\nhost = 'localhost'\n");
    let url = directory.write("url", SECRET_URL);
    let command = || {
        let mut command = binary();
        command
            .current_dir(directory.path(""))
            .env("DEVICES_ENVIRONMENT", "production")
            .env("DEVICES__DATABASE__URL_FILE", &url)
            .env("DEVICES__SERVER__HOST", "::1")
            .args(["--config", &config]);
        command
    };
    let checked = check(command().arg("--json")).json();
    assert_eq!(checked["environment"], "production");
    let source = |key: &str| {
        let setting = setting(&checked, key);
        let source = &setting["source"];
        [&setting["value"], &source["kind"], &source["name"]].map(|text| text.as_str().unwrap())
    };
    let position =
        |file: &str, line: u8, column: u8| format!("{file}, line {line}, column {column}");
    let url_file = format!("{url} (database.url_file)");
    let in_config = position(&config, 2, 8);
    let in_directory = position("config/default.toml", 4, 14);
    for (key, expected) in [
        ("server.port", ["2", "config_file", &in_config]),
        ("server.host", ["::1", "variable", "DEVICES__SERVER__HOST"]),
        ("limits.body_bytes", ["2048", "file", &in_directory]),
        (
            "server.keep_alive_seconds",
            ["75", "built_in", "built-in default.toml"],
        ),
        (
            "server.drain_seconds",
            ["5", "built_in", "built-in production.toml"],
        ),
        ("database.url", ["(set)", "url_file", &url_file]),
        (
            "database.url_file",
            [&url, "variable", "DEVICES__DATABASE__URL_FILE"],
        ),
    ] {
        assert_eq!(source(key), expected, "{key}");
    }
    let text = check(&mut command()).stdout;
    for line in [
        "database.url ",
        "(set)",
        "(empty)",
        "built-in production.toml",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert!(
        text.ends_with("\nThe settings are valid. Environment: production\n"),
        "{text}"
    );
}

#[test]
fn all_settings_are_listed() {
    let checked = check(
        binary()
            .env("DEVICES__DATABASE__URL", SECRET_URL)
            .arg("--json"),
    )
    .json();
    let settings = checked["settings"].as_array().unwrap();
    let listed: Vec<_> = settings
        .iter()
        .map(|setting| &setting["variable"])
        .collect();
    assert_eq!(listed, variables());
    let url = json!({
        "setting": "database.url",
        "variable": "DEVICES__DATABASE__URL",
        "value": "(set)",
        "source": { "kind": "variable", "name": "DEVICES__DATABASE__URL" },
    });
    assert_eq!(setting(&checked, "database.url"), &url);
}

#[test]
fn secret_is_not_listed_from_any_source() {
    let directory = Directory::new();
    let config = directory.write("a.toml", format!("[database]\nurl = '{SECRET_URL}'\n"));
    check(binary().args(["--config", &config]));
    let directory = with_settings(format!("[database]\nurl = '{SECRET_URL}'\n"));
    check(binary().current_dir(directory.path("")));
}

#[test]
fn invalid_settings_are_reported() {
    let check = |variable: &str| {
        let mut command = binary();
        command.env("DEVICES__DATABASE__URL", "postgres:///devices");
        let error = error_of(command.env(variable, SECRET_URL).args(["config", "check"]));
        assert!(error.contains(variable), "{variable}: {error}");
    };
    let url = "DEVICES__DATABASE__URL";
    let others = variables().into_iter().filter(|variable| *variable != url);
    others.for_each(check);
    check("DEVICES__SERVER__PROT");
    check("DEVICES_DATABASE_URL");
    let error = error_of(binary().args(["config", "check"]));
    assert!(error.contains("DEVICES__DATABASE__URL must be"), "{error}");
}
