//! Invalid settings: the errors name the setting and its origin, and never print its value.

use std::process::Command;

use devices_tests::{CommandOutput, Directory, TestDatabase, binary};

/// A value that must not be printed, in the form of a URL of PostgreSQL.
pub(crate) const SECRET_URL: &str =
    "postgres://fleet:hunter2-pw@db.invalid:5432/devices?sslmode=require";

/// Returns the variables of all settings.
pub(crate) fn variables() -> Vec<&'static str> {
    // Generated from the declarations of the settings.
    let table = include_str!("../../../docs/CONFIGURATION.md");
    let rows = table.lines().filter_map(|row| row.strip_prefix("| `"));
    let variables: Vec<_> = rows.filter_map(|row| row.split('`').next()).collect();
    assert!(variables.len() > 20, "{variables:?}");
    variables
}

/// Runs a command that must fail at once. Returns its error, which must not contain the secret.
pub(crate) fn error_of(command: &mut Command) -> String {
    let output = CommandOutput::from(command.output().unwrap());
    assert!([1, 2].contains(&output.code), "{command:?}: {output:?}");
    for text in [&output.stdout, &output.stderr] {
        for secret in ["hunter2", "fleet", "db.invalid"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
    output.stderr
}

/// Creates a directory with this `config/default.toml`.
pub(crate) fn with_settings(content: impl AsRef<[u8]>) -> Directory {
    let directory = Directory::new();
    directory.write("config/default.toml", content);
    directory
}

/// Runs `serve` in the directory, with this URL in the environment. Returns its error.
fn serve_error(directory: &Directory, url: Option<&str>) -> String {
    let mut command = binary();
    command.current_dir(directory.path("")).arg("serve");
    error_of(command.envs(url.map(|url| ("DEVICES__DATABASE__URL", url))))
}

#[test]
fn secret_in_any_variable_is_not_printed() {
    let database = TestDatabase::new();
    for variable in variables() {
        for arguments in [
            &["serve"][..],
            &["migrate"],
            &["workspace", "list", "--json"],
        ] {
            let error = error_of(
                binary()
                    .env("DEVICES__DATABASE__URL", database.url())
                    .env("DEVICES__LOG__LEVEL", "trace")
                    .env(variable, SECRET_URL)
                    .args(arguments),
            );
            assert!(error.contains(variable), "{variable}: {error}");
        }
    }
}

#[test]
fn secret_in_environment_is_not_printed() {
    for variable in ["DEVICES_ENVIRONMENT", "devices_environment"] {
        let error = error_of(
            binary()
                .env_remove("DEVICES_ENVIRONMENT")
                .env(variable, SECRET_URL),
        );
        assert!(error.contains("DEVICES_ENVIRONMENT must be"), "{error}");
    }
}

#[test]
fn misspelled_variable_is_rejected() {
    for variable in [
        "DEVICES_DATABASE_URL",
        "DEVICES__DATABASE_URL",
        "DEVICES_DATABASE__URL",
    ] {
        let error = error_of(binary().env(variable, SECRET_URL));
        assert!(
            error.contains(variable) && error.contains("did you mean DEVICES__DATABASE__URL?"),
            "{error}"
        );
    }
}

#[test]
#[cfg(target_os = "linux")]
fn variable_that_is_not_utf8_is_not_printed() {
    use std::os::unix::ffi::OsStrExt;

    let value = std::ffi::OsStr::from_bytes(b"postgres://fleet:hunter2-pw@db.invalid/\xFF");
    let error = error_of(binary().env("DEVICES__DATABASE__URL", value));
    assert_eq!(error, "error: DEVICES__DATABASE__URL must be UTF-8.\n");
    // Variables of other programs are ignored.
    let error = error_of(binary().env("OTHER_URL", value));
    assert!(
        error.contains("DEVICES__DATABASE__URL must be a PostgreSQL URL"),
        "{error}"
    );
}

#[test]
fn secret_in_any_key_of_a_file_is_not_printed() {
    for variable in variables() {
        let key = variable.strip_prefix("DEVICES__").unwrap().to_lowercase();
        let (section, field) = key.split_once("__").unwrap();
        for value in [format!("'{SECRET_URL}'"), format!("['{SECRET_URL}']")] {
            let file = with_settings(format!("[{section}]\n{field} = {value}\n"));
            let is_url = variable == "DEVICES__DATABASE__URL";
            let url = (!is_url).then_some("postgres://127.0.0.1:1/devices");
            let error = serve_error(&file, url);
            let column = field.len() + 4;
            let expected =
                format!("config/default.toml, line 2, column {column}: {section}.{field}");
            // A valid URL of a database that does not exist has no position.
            let is_accepted = is_url && value.starts_with('\'');
            let expected = if is_accepted { variable } else { &expected };
            assert!(error.contains(expected), "{variable}: {error}");
        }
    }
}

#[test]
fn secret_in_malformed_file_is_not_printed() {
    for (content, position) in [
        (
            format!("[database]\nurl = \"{SECRET_URL}\n"),
            "line 2, column ",
        ),
        (
            format!("[database]\nurl = {SECRET_URL}\"\n"),
            "line 2, column ",
        ),
        (
            format!("[database]\nurl = {SECRET_URL}\n"),
            "line 2, column ",
        ),
        (
            format!("[database\nurl = '{SECRET_URL}'\n"),
            "line 1, column ",
        ),
        (
            format!("[database]\nurl '{SECRET_URL}'\n"),
            "line 2, column ",
        ),
        (
            format!("[database]\nurl = 'x'\nurl = '{SECRET_URL}'\n"),
            "line 3, column 1",
        ),
        (
            format!("[database]\n'{SECRET_URL}' = 1\n"),
            "line 2, column 1",
        ),
        (
            format!("[database]\nurls = '{SECRET_URL}'\n"),
            "line 2, column 1",
        ),
        (
            format!("[server]\nurl = '{SECRET_URL}'\n"),
            "line 2, column 1",
        ),
        (format!("['{SECRET_URL}']\n"), "line 1, column 2"),
        (format!("url = '{SECRET_URL}'\n"), "line 1, column 1"),
        (format!("database = '{SECRET_URL}'\n"), "line 1, column 1"),
        (
            format!("[database.url]\nurl = '{SECRET_URL}'\n"),
            "line 1, column ",
        ),
        (
            format!("[[database]]\nurl = '{SECRET_URL}'\n"),
            "line 1, column ",
        ),
    ] {
        let error = serve_error(&with_settings(&content), None);
        let expected = format!("config/default.toml, {position}");
        assert!(error.contains(&expected), "{content}: {error}");
    }
    let error = serve_error(&with_settings(b"url = 'hunter2\xFF'"), None);
    assert!(error.contains("cannot read config/default.toml"), "{error}");
}

#[test]
fn secret_in_arguments_is_not_printed() {
    let database = TestDatabase::new();
    for arguments in [
        &[SECRET_URL][..],
        &["serve", SECRET_URL],
        &["serve", "--database-url", SECRET_URL],
        &["serve", "--password=hunter2"],
        &["serve", "--json=hunter2"],
        &["key", "revoke", SECRET_URL],
        &["key", "create", "--scope", SECRET_URL],
        &["key", "create", "--expires-in", SECRET_URL],
        &["workspace", SECRET_URL],
        &["workspace", "limit", "acme", "--devices", SECRET_URL],
        &["user", "add", "--workspace", SECRET_URL, "ada@example.com"],
        &["user", "add", "--workspace", "acme", SECRET_URL],
        &["audit", "--workspace", SECRET_URL],
        &["audit", "--workspace", "acme", "--since", SECRET_URL],
    ] {
        let url = database.url();
        error_of(binary().env("DEVICES__DATABASE__URL", url).args(arguments));
    }
}

#[test]
fn secret_in_database_url_is_not_printed() {
    for url in [
        "postgres://hunter2@127.0.0.1:1/devices",
        "postgres://hunter2/devices?connect_timeout=1",
        "postgres://user:hunter2",
        "postgres://user@127.0.0.1:1/hunter2",
        "postgres:///devices?host=/hunter2",
        "postgres:///devices?hunter2=1",
        "postgres://user@127.0.0.1:1/devices?sslmode=hunter2",
        "postgres://user@127.0.0.1:1/devices?sslrootcert=/hunter2",
        "host=127.0.0.1 port=1 password='hunter2",
        "host=127.0.0.1 port=1 user=hunter2",
        "hunter2",
    ] {
        let error = error_of(binary().env("DEVICES__DATABASE__URL", url).arg("serve"));
        assert!(error.contains("DEVICES__DATABASE__URL"), "{url}: {error}");
    }
    // PostgreSQL itself repeats names of the URL.
    let database = TestDatabase::new();
    let separator = if database.url().contains('?') {
        "&"
    } else {
        "?"
    };
    for parameter in [
        "user=hunter2",
        "dbname=hunter2",
        "options=-c%20statement_timeout%3Dhunter2",
    ] {
        let url = format!("{}{separator}{parameter}", database.url());
        let error = error_of(binary().env("DEVICES__DATABASE__URL", &url).arg("serve"));
        assert!(error.contains("FATAL"), "{parameter}: {error}");
    }
}
