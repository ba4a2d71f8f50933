//! Settings from the file of `--config`, and the URL of the database from a file of its own.

use devices_tests::{CommandOutput, Directory, TestDatabase, binary};

use super::settings::{SECRET_URL, error_of};

const URL: &str = "DEVICES__DATABASE__URL";
const URL_FILE: &str = "DEVICES__DATABASE__URL_FILE";
const CONFIG_FILE: &str = "DEVICES_CONFIG_FILE";

/// Lists the workspaces, which needs the URL of the database. Returns the exit code and the output.
fn list_workspaces(variables: &[(&str, &str)], arguments: &[&str]) -> CommandOutput {
    let mut command = binary();
    command.envs(variables.iter().copied()).args(arguments);
    command
        .args(["workspace", "list", "--json"])
        .output()
        .unwrap()
        .into()
}

#[test]
fn config_file_is_named_by_option_or_variable() {
    let database = TestDatabase::new();
    let directory = Directory::new();
    let file = directory.write(
        "a.toml",
        format!("[database]\nurl = '{}'\n", database.url()),
    );
    for (variables, arguments) in [
        (&[][..], &["--config", &file][..]),
        (&[(CONFIG_FILE, file.as_str())], &[]),
        (&[(CONFIG_FILE, "/missing.toml")], &["--config", &file]),
    ] {
        let output = list_workspaces(variables, arguments);
        assert_eq!(output.code, 0, "{output:?}");
    }
    let output = list_workspaces(&[(URL, SECRET_URL)], &["--config", &file]);
    assert_eq!(output.code, 1, "{output:?}");
}

#[test]
fn missing_config_file_is_reported() {
    let directory = Directory::new();
    let file = directory.path("missing.toml");
    for (name, command) in [
        ("--config", binary().args(["--config", &file])),
        (CONFIG_FILE, binary().env(CONFIG_FILE, &file)),
    ] {
        let error = error_of(command.arg("serve"));
        let expected = format!("cannot read the file of {name}, {file}: No such file");
        assert!(error.contains(&expected), "{error}");
    }
}

#[test]
fn config_file_with_unknown_key_is_reported() {
    let directory = Directory::new();
    let file = directory.write("a.toml", format!("[database]\nurls = '{SECRET_URL}'\n"));
    let error = error_of(binary().args(["serve", "--config", &file]));
    let expected = format!("{file}, line 2, column 1: unknown key `database.urls`");
    assert!(error.contains(&expected), "{error}");
}

#[test]
fn secret_in_place_of_path_is_not_printed() {
    for secret in [SECRET_URL, "host=db.invalid user=fleet password=hunter2"] {
        for variable in [URL_FILE, CONFIG_FILE] {
            let error = error_of(binary().env(variable, secret).arg("serve"));
            assert!(error.contains(variable), "{error}");
        }
        for arguments in [
            &["--config", secret][..],
            &["serve", "--config", secret],
            &["key", "list", "--config", secret],
        ] {
            let error = error_of(binary().args(arguments));
            assert!(error.contains("--config must be the path"), "{error}");
        }
    }
}

#[test]
fn url_is_read_from_its_file() {
    let database = TestDatabase::new();
    let directory = Directory::new();
    for end in ["", "\n", "\r\n"] {
        let file = directory.write("url", format!("{}{end}", database.url()));
        let output = list_workspaces(&[(URL_FILE, &file)], &[]);
        assert_eq!(output.code, 0, "{end:?}: {output:?}");
        // An empty variable counts as not set.
        let output = list_workspaces(&[(URL_FILE, &file), (URL, "")], &[]);
        assert_eq!(output.code, 0, "{output:?}");
    }
}

#[test]
fn url_is_read_from_a_systemd_credential() {
    let database = TestDatabase::new();
    let directory = Directory::new();
    let file = directory.write("database-url", database.url());
    let folder = file.strip_suffix("/database-url").unwrap();
    let script =
        "DEVICES__DATABASE__URL_FILE=$CREDENTIALS_DIRECTORY/database-url exec \"$0\" \"$@\"";
    let output = std::process::Command::new("sh")
        .args(["-c", script])
        .arg(binary().get_program())
        .args(["workspace", "list"])
        .env_remove(URL)
        .env("CREDENTIALS_DIRECTORY", folder)
        .output();
    let output = CommandOutput::from(output.unwrap());
    assert_eq!(output.code, 0, "{output:?}");
}

#[test]
fn unusable_url_file_is_reported() {
    let directory = Directory::new();
    let missing = directory.path("missing");
    let empty = directory.write("empty", "\n");
    let not_utf8 = directory.write("not-utf8", b"hunter2\xFF");
    let secret = directory.write("secret", SECRET_URL);
    for (file, expected) in [
        (
            &missing,
            format!("{URL_FILE}: cannot read {missing}: No such"),
        ),
        (&empty, format!("{URL_FILE}: {empty} is empty.")),
        (&not_utf8, format!("{URL_FILE}: cannot read {not_utf8}: ")),
    ] {
        let error = error_of(binary().env(URL_FILE, file).arg("serve"));
        assert!(error.contains(&expected), "{error}");
    }
    // The server of the URL does not exist.
    let error = error_of(binary().env(URL_FILE, &secret).arg("serve"));
    assert!(error.contains(URL_FILE), "{error}");
}

#[test]
fn two_urls_are_rejected() {
    let directory = Directory::new();
    let url = directory.write("url", SECRET_URL);
    let config = directory.write("a.toml", format!("[database]\nurl_file = '{url}'\n"));
    let error = error_of(
        binary()
            .envs([(URL, SECRET_URL), (URL_FILE, &url)])
            .arg("serve"),
    );
    let expected = format!("{URL} and {URL_FILE} are both set. Remove one of them.");
    assert!(error.contains(&expected), "{error}");
    let error = error_of(
        binary()
            .env(URL, SECRET_URL)
            .args(["serve", "--config", &config]),
    );
    let place = format!("{config}, line 2, column 12: database.url_file");
    assert!(error.contains(&place) && error.contains(URL), "{error}");
}
