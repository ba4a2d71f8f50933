//! Errors of the settings.

use std::path::PathBuf;

use super::Position;

/// Invalid settings. The messages name the setting, its origin and the allowed values, but never
/// its value: it may be a secret, such as a URL in the variable of another setting.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A file cannot be read.
    #[error("cannot read {}: {cause}.", .file.display())]
    UnreadableFile {
        /// Path of the file.
        file: PathBuf,
        /// Reason.
        cause: std::io::Error,
    },
    /// The file of `--config` or `DEVICES_CONFIG_FILE` cannot be read.
    #[error("cannot read the file of {name}, {}: {cause}.", .file.display())]
    UnreadableConfigFile {
        /// The option or variable.
        name: &'static str,
        /// Path of the file.
        file: PathBuf,
        /// Reason.
        cause: std::io::Error,
    },
    /// `--config` or `DEVICES_CONFIG_FILE` cannot be the path of a file.
    #[error("{0} must be the path of a TOML file.")]
    NotAPath(&'static str),
    /// The URL of the database is set, and so is the file with it.
    #[error("{} and {} are both set. Remove one of them.", .0[0], .0[1])]
    TwoUrls(Box<[Origin; 2]>),
    /// The file with the URL of the database cannot be read.
    #[error("{origin}: cannot read {}: {cause}.", .file.display())]
    UnreadableUrlFile {
        /// Setting and origin of the path of the file.
        origin: Origin,
        /// Path of the file.
        file: PathBuf,
        /// Reason.
        cause: std::io::Error,
    },
    /// The file with the URL of the database is empty.
    #[error("{origin}: {} is empty. Write the URL of the database to it.", .file.display())]
    EmptyUrlFile {
        /// Setting and origin of the path of the file.
        origin: Origin,
        /// Path of the file.
        file: PathBuf,
    },
    /// A file is not TOML.
    #[error(
        "{0}: invalid TOML. Check the quotes and brackets before this place, and that no key occurs \
         twice."
    )]
    InvalidToml(Position),
    /// A file has an unknown key.
    #[error(
        "{position}: unknown key{}{} docs/CONFIGURATION.md lists all settings.",
        .key.as_ref().map(|key| format!(" `{key}`")).unwrap_or_default(),
        .suggestion.as_ref().map_or_else(|| ".".to_owned(), |key| format!(", did you mean `{key}`?"))
    )]
    UnknownKey {
        /// Position of the key.
        position: Position,
        /// The key, unless it may be a part of a value.
        key: Option<String>,
        /// A similar key that exists.
        suggestion: Option<String>,
    },
    /// No setting has the variable.
    #[error(
        "unknown variable {variable}{} docs/CONFIGURATION.md lists all settings.",
        .suggestion.as_ref().map_or_else(|| ".".to_owned(), |name| format!(", did you mean {name}?"))
    )]
    UnknownVariable {
        /// The variable.
        variable: String,
        /// A similar variable that exists.
        suggestion: Option<String>,
    },
    /// The value of a variable is not UTF-8.
    #[error("{0} must be UTF-8.")]
    NotUtf8(String),
    /// No settings file exists for the environment.
    #[error("DEVICES_ENVIRONMENT must be development, production or test.")]
    UnknownEnvironment,
    /// A value violates the rule of its setting.
    #[error("{origin} must be {allowed}.")]
    NotAllowed {
        /// Setting and origin of the value.
        origin: Origin,
        /// Description of the allowed values.
        allowed: String,
    },
    /// The sources cannot be merged.
    #[error("cannot read the settings. docs/CONFIGURATION.md lists all settings.")]
    Unreadable,
}

/// Origin of a value: the variable, or the key and the position in a file. A default has the
/// variable that overrides it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Name of the variable.
    Variable(String),
    /// Key, and position of the value.
    File(String, Position),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Variable(name) => f.write_str(name),
            Self::File(key, position) => write!(f, "{position}: {key}"),
        }
    }
}
