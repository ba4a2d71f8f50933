//! Settings merged from their sources.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use config::Config;

use super::declaration::variable_of;
use super::sources::Source;
use super::{Origin, Server, Settings, SettingsError};

/// Key of the URL of the database.
const URL: &str = "database.url";

/// Key of the path of the file with that URL.
const URL_FILE: &str = "database.url_file";

/// Settings merged from all sources. The values are not checked.
pub struct MergedSettings {
    pub(super) config: Config,
    /// Source of the value of each key, such as `server.port`.
    pub(super) sources: HashMap<String, Source>,
}

/// A setting with its value and the source of it.
#[derive(Debug)]
pub struct Entry {
    /// Key, such as `server.port`.
    pub key: String,
    /// Environment variable that sets it.
    pub variable: String,
    /// The value, or `None` if it is a secret that is set.
    pub value: Option<String>,
    /// Source of the value.
    pub source: Source,
}

impl MergedSettings {
    /// Returns the settings.
    ///
    /// # Errors
    /// If a value is not allowed. The message names its setting.
    pub fn settings(&self) -> Result<Settings, SettingsError> {
        self.check(|_| true)?;
        let settings = self.config.clone().try_deserialize();
        let settings: Settings = settings.map_err(|_| SettingsError::Unreadable)?;
        match settings.bootstrap.missing() {
            Some((key, allowed)) => Err(SettingsError::NotAllowed {
                origin: self.origin(key),
                allowed,
            }),
            None => Ok(settings),
        }
    }

    /// Returns the section `server`. The values of the other sections may be invalid or missing.
    ///
    /// # Errors
    /// If a value of the section is not allowed. The message names its setting.
    pub(super) fn server(&self) -> Result<Server, SettingsError> {
        self.check(|key| key.starts_with("server."))?;
        let server = self.config.get("server");
        server.map_err(|_| SettingsError::Unreadable)
    }

    /// Returns every setting, in the order of `config/default.toml`, without the values of secrets.
    pub fn entries(&self) -> Vec<Entry> {
        let sections = Settings::sections();
        let mut entries = Vec::new();
        for section in &sections {
            for field in &section.fields {
                let key = format!("{}.{}", section.name, field.name);
                let text = self.text(&key);
                let is_hidden = field.is_secret && !text.is_empty();
                entries.push(Entry {
                    variable: field.variable.clone(),
                    value: (!is_hidden).then_some(text),
                    source: self.source(&key),
                    key,
                });
            }
        }
        entries
    }

    fn check(&self, is_checked: impl Fn(&str) -> bool) -> Result<(), SettingsError> {
        let checked = Settings::check(&self.config, is_checked);
        checked.map_err(|(key, allowed)| SettingsError::NotAllowed {
            origin: self.origin(key),
            allowed,
        })
    }

    /// Takes the URL of the database from the file that `database.url_file` names, if any.
    pub(super) fn with_url_file(mut self) -> Result<Self, SettingsError> {
        let path = self.text(URL_FILE);
        if path.is_empty() {
            return Ok(self);
        }
        // The errors below contain the path.
        self.check(|key| key == URL_FILE)?;
        let origin = self.origin(URL_FILE);
        if !self.text(URL).is_empty() {
            let origins = Box::new([self.origin(URL), origin]);
            return Err(SettingsError::TwoUrls(origins));
        }
        let path = PathBuf::from(path);
        let url = read_url(&path, origin)?;
        let config = Config::builder().add_source(self.config);
        let config = config.set_override(URL, url);
        let config = config.map_err(|_| SettingsError::Unreadable)?.build();
        self.config = config.map_err(|_| SettingsError::Unreadable)?;
        self.sources.insert(URL.to_owned(), Source::UrlFile(path));
        Ok(self)
    }

    /// Returns the text of a value, or an empty one.
    fn text(&self, key: &str) -> String {
        let value = self.config.get::<config::Value>(key);
        value.map_or_else(|_| String::new(), |value| value.kind.to_string())
    }

    fn source(&self, key: &str) -> Source {
        let source = self.sources.get(key).cloned();
        source.unwrap_or_else(|| Source::BuiltIn("default.toml".to_owned()))
    }

    /// Returns the origin of a value for an error.
    fn origin(&self, key: &str) -> Origin {
        match self.source(key) {
            Source::File(position) | Source::ConfigFile(position) => {
                Origin::File(key.to_owned(), position)
            }
            Source::BuiltIn(_) | Source::Variable(_) => Origin::Variable(variable_of(key)),
            Source::UrlFile(_) => Origin::Variable(variable_of(URL_FILE)),
        }
    }
}

/// Reads a file that contains a URL, without the newline at its end.
fn read_url(path: &Path, origin: Origin) -> Result<String, SettingsError> {
    let file = path.to_owned();
    match std::fs::read_to_string(path) {
        Err(cause) => Err(SettingsError::UnreadableUrlFile {
            origin,
            file,
            cause,
        }),
        Ok(text) => {
            let url = text.strip_suffix('\n').unwrap_or(&text);
            let url = url.strip_suffix('\r').unwrap_or(url);
            if url.is_empty() {
                return Err(SettingsError::EmptyUrlFile { origin, file });
            }
            Ok(url.to_owned())
        }
    }
}
