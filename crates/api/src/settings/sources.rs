//! Sources of the settings.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use config::{Config, Environment, File, FileFormat};

use super::declaration::key_of;
use super::files::{Position, SettingsFile};
use super::merged::MergedSettings;
use super::rules::is_path;
use super::variable_names::{self, CONFIG_FILE, ENVIRONMENT};
use super::{Server, Settings, SettingsError};

/// Source of the value of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A built-in file, such as `production.toml`.
    BuiltIn(String),
    /// A file in the directory `config`, with the position of the value.
    File(Position),
    /// The file of `--config` or `DEVICES_CONFIG_FILE`, with the position of the value.
    ConfigFile(Position),
    /// The variable of this name.
    Variable(String),
    /// The file that the setting `database.url_file` names.
    UrlFile(PathBuf),
}

/// Sources of the settings of a process. The later ones override the earlier ones.
pub struct Sources {
    /// Name of the environment, which selects the built-in files and those of the directory.
    environment: String,
    /// Directory with files of the same names as the built-in ones.
    directory: Option<PathBuf>,
    /// A file, and the option or variable that names it.
    config_file: Option<(&'static str, PathBuf)>,
    /// Variables, with their names in upper case.
    variables: HashMap<String, String>,
}

impl Sources {
    /// Returns the sources of this process: the built-in `default.toml`, the built-in file of the
    /// environment (`DEVICES_ENVIRONMENT`, by default `development`), the same two files in the
    /// directory `config` if they exist, the file of `--config` or `DEVICES_CONFIG_FILE`, then
    /// variables named `DEVICES__SECTION__KEY`.
    ///
    /// # Errors
    /// If a variable is not UTF-8, or if the path of the file cannot be one.
    pub fn of_process(config_file: Option<&Path>) -> Result<Self, SettingsError> {
        let variables = variable_names::variables_of_process()?;
        let option = config_file.map(|path| ("--config", path.to_owned()));
        let variable = variables.get(CONFIG_FILE);
        let config_file = option.or_else(|| Some((CONFIG_FILE, PathBuf::from(variable?))));
        // Errors name the file. It may be the URL of the database in the wrong place.
        if let Some((name, path)) = &config_file
            && !is_path(&path.to_string_lossy())
        {
            return Err(SettingsError::NotAPath(name));
        }
        let environment = variables.get(ENVIRONMENT).cloned();
        Ok(Self {
            environment: environment.unwrap_or_else(|| "development".to_owned()),
            directory: Some(PathBuf::from("config")),
            config_file,
            variables,
        })
    }

    /// Returns the built-in files of an environment, and `variables`.
    pub fn built_in(environment: &str, variables: &[(&str, &str)]) -> Self {
        let variables = variables.iter();
        let variables = variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self {
            environment: environment.to_owned(),
            directory: None,
            config_file: None,
            variables: variables.collect(),
        }
    }

    /// Name of the environment.
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// Reads and merges the sources.
    ///
    /// # Errors
    /// If a file cannot be read, or if a key, a variable or the environment is unknown.
    pub fn merge(&self) -> Result<MergedSettings, SettingsError> {
        self.merge_without_files_of_secrets()?.with_url_file()
    }

    /// Returns the section `server`. Reads no file with a secret, which may be readable only for
    /// the server itself.
    ///
    /// # Errors
    /// Like [`merge`](Self::merge), or if a value of the section is not allowed.
    pub fn server(&self) -> Result<Server, SettingsError> {
        self.merge_without_files_of_secrets()?.server()
    }

    fn merge_without_files_of_secrets(&self) -> Result<MergedSettings, SettingsError> {
        variable_names::check(&self.variables)?;
        let mut config = Config::builder();
        let mut sources = HashMap::new();
        for (file, source) in self.read_files()? {
            let values = file.positions.into_iter();
            sources.extend(values.map(|(key, position)| (key, source.at(position))));
            config = config.add_source(File::from_str(&file.text, FileFormat::Toml));
        }
        let names = self.variables.keys();
        sources.extend(names.map(|name| (key_of(name), Source::Variable(name.clone()))));
        let environment = Environment::with_prefix("DEVICES")
            .source(Some(self.variables.clone()))
            .prefix_separator("__")
            .separator("__");
        // The error quotes values, so it is dropped. The checks of the files and of the settings
        // report the same problems without values.
        let config = config.add_source(environment).build();
        let config = config.map_err(|_| SettingsError::Unreadable)?;
        Ok(MergedSettings { config, sources })
    }

    /// Returns the files in the order in which they override each other.
    fn read_files(&self) -> Result<Vec<(SettingsFile, FileKind)>, SettingsError> {
        let names = ["default", &self.environment];
        let built_in = names.map(Settings::built_in_file);
        let ([Some(default), Some(overrides)], true) = (built_in, self.environment != "default")
        else {
            return Err(SettingsError::UnknownEnvironment);
        };
        let file_names = names.map(|name| format!("{name}.toml"));
        let mut files = Vec::new();
        for (name, text) in file_names.iter().zip([default, overrides]) {
            let file = SettingsFile::parse(Path::new(name), text.to_owned())?;
            files.push((file, FileKind::BuiltIn(name.clone())));
        }
        let paths = |directory: &PathBuf| file_names.each_ref().map(|name| directory.join(name));
        for path in self.directory.iter().flat_map(paths) {
            if let Some(file) = SettingsFile::read(&path)? {
                files.push((file, FileKind::Directory));
            }
        }
        if let Some((name, path)) = &self.config_file {
            files.push((SettingsFile::read_required(path, name)?, FileKind::Config));
        }
        Ok(files)
    }
}

/// Kind of a settings file.
enum FileKind {
    /// Built in, of this name.
    BuiltIn(String),
    /// In the directory.
    Directory,
    /// Named by an option or a variable.
    Config,
}

impl FileKind {
    /// Returns the source of a value at this position of the file.
    fn at(&self, position: Position) -> Source {
        match self {
            Self::BuiltIn(name) => Source::BuiltIn(name.clone()),
            Self::Directory => Source::File(position),
            Self::Config => Source::ConfigFile(position),
        }
    }
}
