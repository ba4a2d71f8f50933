//! Settings files.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::declaration::{key_of, variable_of};
use super::variable_names::most_similar;
use super::{Origin, Settings, SettingsError};

/// A place in a settings file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    file: PathBuf,
    line: usize,
    column: usize,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { file, line, column } = self;
        write!(f, "{}, line {line}, column {column}", file.display())
    }
}

/// A settings file whose keys are known. The values are not checked.
pub(super) struct SettingsFile {
    pub(super) text: String,
    /// Position of the value of each key, such as `server.port`.
    pub(super) positions: HashMap<String, Position>,
}

impl SettingsFile {
    /// Reads a file. Returns `None` if it does not exist.
    ///
    /// # Errors
    /// If the file cannot be read, is not TOML, or has an unknown key.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, SettingsError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(path, text).map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(SettingsError::UnreadableFile {
                file: path.to_owned(),
                cause,
            }),
        }
    }

    /// Reads a file that must exist. `name` is the option or variable that names it.
    ///
    /// # Errors
    /// Like [`read`](Self::read), and if the file does not exist.
    pub(super) fn read_required(path: &Path, name: &'static str) -> Result<Self, SettingsError> {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|cause| SettingsError::UnreadableConfigFile {
            name,
            file: path.to_owned(),
            cause,
        });
        Self::parse(path, text?)
    }

    /// Parses the text of a file.
    ///
    /// # Errors
    /// If it is not TOML, or has an unknown key.
    pub(super) fn parse(path: &Path, text: String) -> Result<Self, SettingsError> {
        let position = |span: Range<usize>| position(path, &text, span.start);
        let table = DeTable::parse(&text).map_err(|error| {
            // The message of the error quotes the line.
            let position = position(error.span().unwrap_or_default());
            SettingsError::InvalidToml(position)
        })?;
        let mut positions = HashMap::new();
        for (section, content) in table.get_ref() {
            let section_position = position(section.span());
            let Some(fields) = content.get_ref().as_table() else {
                return Err(not_a_section(section.get_ref(), section_position));
            };
            let sections = Settings::sections();
            if fields.is_empty() && sections.iter().all(|known| known.name != section.get_ref()) {
                return Err(unknown_key(section.get_ref(), section_position));
            }
            for (field, value) in fields {
                let key = format!("{}.{}", section.get_ref(), field.get_ref());
                let value_position = position(value.span());
                check_entry(&key, value, position(field.span()), &value_position)?;
                positions.insert(key, value_position);
            }
        }
        Ok(Self { text, positions })
    }
}

/// Checks that a key is that of a setting, and that its value is neither a table nor an array, nor
/// an integer that no setting can hold.
fn check_entry(
    key: &str,
    value: &Spanned<DeValue<'_>>,
    key_position: Position,
    value_position: &Position,
) -> Result<(), SettingsError> {
    let sections = Settings::sections();
    let mut fields = sections.iter().flat_map(|section| &section.fields);
    // Keys are case-sensitive, unlike the names of variables.
    let Some(field) = fields.find(|field| key_of(&field.variable) == key) else {
        return Err(unknown_key(key, key_position));
    };
    let value = value.get_ref();
    // `config` would reject such an integer without naming its key.
    let is_too_large = value
        .as_integer()
        .is_some_and(|integer| i64::from_str_radix(integer.as_str(), integer.radix()).is_err());
    if value.is_table() || value.is_array() || is_too_large {
        return Err(SettingsError::NotAllowed {
            origin: Origin::File(key.to_owned(), value_position.clone()),
            allowed: field.allowed.clone(),
        });
    }
    Ok(())
}

fn not_a_section(name: &str, position: Position) -> SettingsError {
    if Settings::sections()
        .iter()
        .any(|section| section.name == name)
    {
        SettingsError::NotAllowed {
            origin: Origin::File(name.to_owned(), position),
            allowed: format!("a section that begins with the line [{name}]"),
        }
    } else {
        unknown_key(name, position)
    }
}

fn unknown_key(key: &str, position: Position) -> SettingsError {
    // In a malformed file, other characters may be a part of a value.
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.".contains(&b);
    let is_shown = key.len() <= 80 && key.bytes().all(is_plain);
    let sections = Settings::sections();
    let fields = sections.iter().flat_map(|section| &section.fields);
    let known: Vec<&str> = fields.map(|field| field.variable.as_str()).collect();
    SettingsError::UnknownKey {
        position,
        key: is_shown.then(|| key.to_owned()),
        suggestion: most_similar(&variable_of(key), &known).map(key_of),
    }
}

/// Returns the position of a byte of a file. Lines and columns count from 1.
fn position(file: &Path, text: &str, offset: usize) -> Position {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Position {
        file: file.to_owned(),
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn error(text: &str) -> String {
        match SettingsFile::parse(Path::new("config/default.toml"), text.to_owned()) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("the file is accepted"),
        }
    }

    #[rstest]
    #[case("[server]\nport = 'hunter2", "line 2, column 16: invalid TOML")]
    #[case("[server]\nport = hunter2'", "line 2, column 8: invalid TOML")]
    #[case("[server]\nport = 1\nport = 2", "line 3, column 1: invalid TOML")]
    #[case(
        "[server]\nport = [1]",
        "line 2, column 8: server.port must be from 0 to"
    )]
    #[case(
        "[server]\nport = 99999999999999999999",
        "line 2, column 8: server.port must be from 0 to"
    )]
    #[case(
        "[server]\nPort = 1",
        "line 2, column 1: unknown key, did you mean `server.port`?"
    )]
    #[case("server = 1", "line 1, column 1: server must be a section")]
    #[case("hunter2 = 1", "line 1, column 1: unknown key `hunter2`")]
    #[case("'a hunter' = 1", "line 1, column 1: unknown key.")]
    #[case("[hunter]", "line 1, column 2: unknown key `hunter`")]
    #[case(
        "[server]\nprot = 1",
        "line 2, column 1: unknown key `server.prot`, did you mean `server.port`?"
    )]
    fn errors_name_the_position(#[case] text: &str, #[case] expected: &str) {
        let error = error(text);
        assert!(
            error.starts_with(&format!("config/default.toml, {expected}")),
            "{error}"
        );
    }

    #[test]
    fn values_have_positions() {
        let text = "[server]\nport = 1\n\n[log]\n  format = 'é'\nlevel = 'x'";
        let file = SettingsFile::parse(Path::new("a.toml"), text.to_owned()).unwrap();
        let position = |key: &str| file.positions[key].to_string();
        assert_eq!(position("server.port"), "a.toml, line 2, column 8");
        assert_eq!(position("log.format"), "a.toml, line 5, column 12");
        assert_eq!(position("log.level"), "a.toml, line 6, column 9");
    }
}
