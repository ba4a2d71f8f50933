//! URL and key of the server: from the environment, or from the file that `login` writes.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use etcetera::{BaseStrategy, choose_base_strategy};
use serde::{Deserialize, Serialize};

use crate::error::CliError;

/// URL and key of a server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Credentials {
    pub(crate) url: String,
    pub(crate) key: String,
}

/// Omits the key.
impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("Credentials");
        debug.field("url", &self.url).finish_non_exhaustive()
    }
}

/// Names of the environment variables.
pub(crate) const URL_VARIABLE: &str = "DEVICES_URL";
pub(crate) const KEY_VARIABLE: &str = "DEVICES_KEY";

/// Returns the URL and the key of the environment. What is missing comes from the stored file.
///
/// # Errors
/// A usage error if a part is configured nowhere.
pub(crate) fn configured() -> Result<Credentials, CliError> {
    let url = variable(URL_VARIABLE);
    let key = variable(KEY_VARIABLE);
    if let (Some(url), Some(key)) = (&url, &key) {
        let (url, key) = (url.clone(), key.clone());
        return Ok(Credentials { url, key });
    }
    merge(url, key, load()?)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Completes the environment with the stored file.
fn merge(
    url: Option<String>,
    key: Option<String>,
    stored: Option<Credentials>,
) -> Result<Credentials, CliError> {
    let stored_url = stored.as_ref().map(|stored| stored.url.clone());
    // The stored key is a secret of the stored server. No other server receives it.
    let is_of_stored = |url: &str| stored_url.as_deref() == Some(url.trim_end_matches('/'));
    let stored_key = match &url {
        Some(url) if !is_of_stored(url) => None,
        _ => stored.map(|stored| stored.key),
    };
    let missing = |what: &str| {
        CliError::Usage(format!(
            "no {what} is configured. Run `devices login URL`, or set {URL_VARIABLE} and \
             {KEY_VARIABLE}."
        ))
    };
    let url = url.or(stored_url).ok_or_else(|| missing("server"))?;
    let key = key.or(stored_key);
    let key = key.ok_or_else(|| missing(&format!("key for {url}")))?;
    Ok(Credentials { url, key })
}

/// Returns the path of the stored file.
pub(crate) fn path() -> Result<PathBuf, CliError> {
    let strategy = choose_base_strategy().map_err(|_| {
        CliError::Failed(format!(
            "your home directory is unknown. Set HOME, or {URL_VARIABLE} and {KEY_VARIABLE}."
        ))
    })?;
    Ok(strategy.config_dir().join("fleet-devices/login.toml"))
}

/// Returns the stored credentials, if there are any.
fn load() -> Result<Option<Credentials>, CliError> {
    let path = path()?;
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(CliError::Read { path, error }),
    };
    // The message of the parser would contain lines of the file, and so the key.
    let invalid = |_| {
        let path = path.display();
        CliError::Failed(format!("{path} is damaged. Run `devices login URL` again."))
    };
    toml::from_str(&text).map(Some).map_err(invalid)
}

/// Stores credentials so that only the user can read them. Replaces the file at once.
pub(crate) fn store(credentials: &Credentials) -> Result<PathBuf, CliError> {
    let path = path()?;
    match write_private(&path, credentials) {
        Ok(()) => Ok(path),
        Err(error) => Err(CliError::Write { path, error }),
    }
}

/// Removes the stored credentials. Returns whether there were any.
pub(crate) fn remove() -> Result<bool, CliError> {
    let path = path()?;
    match fs::remove_file(&path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(CliError::Write { path, error }),
    }
}

fn write_private(path: &Path, credentials: &Credentials) -> io::Result<()> {
    let text = toml::to_string(credentials).map_err(io::Error::other)?;
    let directory = path.parent().unwrap_or(Path::new("."));
    create_private_directory(directory)?;
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = private_file(&temporary)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())
                .and_then(|()| file.sync_all())
        })
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The first error is the one to report.
        drop(fs::remove_file(&temporary));
    }
    written
}

/// Creates a file that only the user can read. On Windows, the user's profile protects it.
fn private_file(path: &Path) -> io::Result<fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn create_private_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored() -> Credentials {
        Credentials {
            url: "http://stored".to_owned(),
            key: "stored-key".to_owned(),
        }
    }

    fn merged(url: Option<&str>, key: Option<&str>) -> Result<(String, String), String> {
        let owned = |text: Option<&str>| text.map(ToOwned::to_owned);
        let merged = merge(owned(url), owned(key), Some(stored()));
        merged
            .map(|credentials| (credentials.url, credentials.key))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn stored_key_is_sent_to_no_other_server() {
        let error = merged(Some("http://other"), None).unwrap_err();
        assert!(error.contains("no key for http://other"), "{error}");
    }

    #[test]
    fn environment_overrides_the_file() {
        let (url, key) = merged(None, Some("k")).unwrap();
        assert_eq!((url.as_str(), key.as_str()), ("http://stored", "k"));
        let (url, key) = merged(Some("http://stored/"), None).unwrap();
        assert_eq!(
            (url.as_str(), key.as_str()),
            ("http://stored/", "stored-key")
        );
    }

    #[test]
    fn nothing_configured_is_a_usage_error() {
        let error = merge(None, None, None).unwrap_err();
        assert_eq!(error.exit_status(), 2);
    }

    #[test]
    fn debug_output_has_no_key() {
        assert!(!format!("{:?}", stored()).contains("stored-key"));
    }
}
