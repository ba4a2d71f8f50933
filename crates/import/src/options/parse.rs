//! Parser of the options: names each member that is wrong by its JSON Pointer.

use std::collections::BTreeMap;

use devices_domain::{BatchOptions, nearest_name};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::tree::Tree;
use super::{DateFormat, DecimalMark, ImportOptions, OtherColumns};
use crate::error::{OptionError, OptionErrorReason};
use crate::text::quote;

impl ImportOptions {
    /// Names of all options of a file.
    pub const NAMES: &'static [&'static str] = &[
        "sheet",
        "header_row",
        "encoding",
        "delimiter",
        "columns",
        "defaults",
        "values",
        "name_from",
        "date_format",
        "decimal",
        "other_columns",
    ];

    /// Parses a JSON object of options. Members whose names are among `other_names`, such as the
    /// options of a batch, are returned unread.
    ///
    /// # Errors
    /// Rejects what is not JSON, unknown and repeated members, and values of the wrong type.
    pub fn parse(
        json: &str,
        other_names: &[&'static str],
    ) -> Result<(Self, Map<String, Value>), OptionError> {
        let tree = serde_json::from_str(json).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let message = format!("must be a JSON object (line {line}, column {column})");
            OptionError::new("", OptionErrorReason::NotJson, message)
        })?;
        Self::from_tree(tree, other_names)
    }

    fn from_tree(
        tree: Tree,
        other_names: &[&'static str],
    ) -> Result<(Self, Map<String, Value>), OptionError> {
        if let Some(path) = tree.repeated_member() {
            let message = format!("{} is given twice", quote(path.last().unwrap_or(&"")));
            let reason = OptionErrorReason::RepeatedOption;
            return Err(OptionError::new(pointer(&path), reason, message));
        }
        let Tree::Object(members) = tree else {
            return Err(wrong_type(&[], "an object", tree.kind()));
        };
        let mut options = Self::default();
        let mut others = Map::new();
        for (name, tree) in members {
            if other_names.contains(&name.as_str()) {
                others.insert(name, tree.into_value());
            } else {
                options.set(&name, tree, other_names)?;
            }
        }
        Ok((options, others))
    }

    fn set(
        &mut self,
        name: &str,
        value: Tree,
        other_names: &[&'static str],
    ) -> Result<(), OptionError> {
        match name {
            "sheet" => self.sheet = optional_text(name, value)?,
            "header_row" => self.header_row = header_row(value)?,
            "encoding" => self.encoding = optional_text(name, value)?,
            "delimiter" => self.delimiter = optional_text(name, value)?,
            "columns" => {
                self.columns = object(&[name], value, |path, value| match value {
                    Tree::Scalar(Value::Null) => Ok(None),
                    Tree::Scalar(Value::String(field)) => Ok(Some(field)),
                    other => Err(wrong_type(path, "a string or null", other.kind())),
                })?;
            }
            "defaults" => self.defaults = object(&[name], value, text)?,
            "values" => {
                self.values = object(&[name], value, |path, value| object(path, value, text))?;
            }
            "name_from" => self.name_from = optional_text(name, value)?,
            "date_format" => self.date_format = word(name, value, DateFormat::NAMES)?,
            "decimal" => self.decimal = word(name, value, DecimalMark::NAMES)?,
            "other_columns" => {
                let treatment = word(name, value, OtherColumns::NAMES)?;
                self.other_columns = treatment.unwrap_or_default();
            }
            _ => return Err(unknown_option(name, other_names)),
        }
        Ok(())
    }
}

/// Rejects the same members as [`ImportOptions::parse`].
impl<'de> Deserialize<'de> for ImportOptions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tree = Tree::deserialize(deserializer)?;
        let options = Self::from_tree(tree, &[]);
        options.map(|(options, _)| options).map_err(|error| {
            let OptionError {
                pointer, message, ..
            } = error;
            D::Error::custom(if pointer.is_empty() {
                message
            } else {
                format!("{pointer}: {message}")
            })
        })
    }
}

fn unknown_option(name: &str, other_names: &[&'static str]) -> OptionError {
    // A message may suggest an option that the caller does not read.
    let own = ImportOptions::NAMES.iter().chain(&BatchOptions::NAMES);
    let names: Vec<&'static str> = own.chain(other_names).copied().collect();
    let message = match nearest_name(name, &names) {
        Some(nearest) if nearest == name => format!("option {} has no effect here", quote(name)),
        Some(nearest) => format!("unknown option {}, did you mean `{nearest}`?", quote(name)),
        None => format!("unknown option {}", quote(name)),
    };
    OptionError::new(pointer(&[name]), OptionErrorReason::UnknownOption, message)
}

fn optional_text(name: &str, value: Tree) -> Result<Option<String>, OptionError> {
    match value {
        Tree::Scalar(Value::Null) => Ok(None),
        Tree::Scalar(Value::String(text)) => Ok(Some(text)),
        other => Err(wrong_type(&[name], "a string", other.kind())),
    }
}

fn text(path: &[&str], value: Tree) -> Result<String, OptionError> {
    match value {
        Tree::Scalar(Value::String(text)) => Ok(text),
        other => Err(wrong_type(path, "a string", other.kind())),
    }
}

fn header_row(value: Tree) -> Result<Option<u32>, OptionError> {
    let row = match &value {
        Tree::Scalar(Value::Null) => return Ok(None),
        Tree::Scalar(Value::Number(number)) => number.as_u64(),
        other => return Err(wrong_type(&["header_row"], "a number", other.kind())),
    };
    let row = row
        .and_then(|row| u32::try_from(row).ok())
        .filter(|row| *row > 0);
    row.map(Some).ok_or_else(|| {
        let message = "must be the number of a row, from 1";
        OptionError::new("/header_row", OptionErrorReason::Malformed, message)
    })
}

fn object<T>(
    path: &[&str],
    value: Tree,
    read: impl Fn(&[&str], Tree) -> Result<T, OptionError>,
) -> Result<BTreeMap<String, T>, OptionError> {
    let Tree::Object(members) = value else {
        return Err(wrong_type(path, "an object", value.kind()));
    };
    let members = members.into_iter().map(|(name, value)| {
        let path: Vec<&str> = path.iter().copied().chain([name.as_str()]).collect();
        let value = read(&path, value)?;
        Ok((name, value))
    });
    members.collect()
}

/// Reads one of the names of an enum. `null` is no value.
fn word<T: DeserializeOwned>(
    name: &str,
    value: Tree,
    names: &[&str],
) -> Result<Option<T>, OptionError> {
    let Some(text) = optional_text(name, value)? else {
        return Ok(None);
    };
    serde_json::from_value(Value::String(text))
        .map(Some)
        .map_err(|_| {
            let message = format!("must be one of {}", names.join(", "));
            OptionError::new(pointer(&[name]), OptionErrorReason::NotInEnum, message)
        })
}

fn wrong_type(path: &[&str], expected: &str, actual: &str) -> OptionError {
    let message = format!("must be {expected}, not {actual}");
    OptionError::new(pointer(path), OptionErrorReason::WrongType, message)
}

/// Returns a JSON Pointer (RFC 6901). Names are shortened.
pub(crate) fn pointer(path: &[&str]) -> String {
    let tokens = path.iter().map(|name| {
        let name = crate::text::shorten(name);
        format!("/{}", name.replace('~', "~0").replace('/', "~1"))
    });
    tokens.collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// The example of the import contract.
    const EXAMPLE: &str = r#"{ "sheet":"Inventory", "header_row":4, "encoding":"windows-1252", "delimiter":";",
      "columns":{"Service Tag":"serial_number","Kaufdatum":"client_purchase_date","Room":null},
      "defaults":{"type":"laptop","category":"computers"}, "values":{"type":{"Notebook":"laptop"}},
      "name_from":"{Manufacturer} {Model}", "date_format":"DD/MM/YYYY", "decimal":"comma",
      "other_columns":"ignore", "unknown_users":"error", "on_conflict":"skip", "match":"serial_number",
      "atomic":true, "nulls":"keep" }"#;

    #[test]
    fn example_is_parsed_with_the_options_of_others() {
        let (options, others) = ImportOptions::parse(EXAMPLE, &BatchOptions::NAMES).unwrap();
        assert_eq!(options.sheet.as_deref(), Some("Inventory"));
        assert_eq!(options.header_row, Some(4));
        assert_eq!(options.columns["Room"], None);
        assert_eq!(
            options.columns["Service Tag"].as_deref(),
            Some("serial_number")
        );
        assert_eq!(options.values["type"]["Notebook"], "laptop");
        assert_eq!(options.date_format, Some(DateFormat::DayFirst));
        assert_eq!(options.decimal, Some(DecimalMark::Comma));
        assert_eq!(others.len(), 5);
        assert_eq!(others["atomic"], true);
    }

    #[test]
    fn serialized_options_are_parsed_back() {
        let (options, _) = ImportOptions::parse(EXAMPLE, &BatchOptions::NAMES).unwrap();
        let json = serde_json::to_string(&options).unwrap();
        assert_eq!(ImportOptions::parse(&json, &[]).unwrap().0, options);
        assert_eq!(
            serde_json::from_str::<ImportOptions>(&json).unwrap(),
            options
        );
        assert_eq!(
            ImportOptions::parse("{}", &[]).unwrap().0,
            ImportOptions::default()
        );
    }

    #[rstest]
    #[case("", "", "must be a JSON object (line 1, column 0)")]
    #[case("[]", "", "must be an object, not an array")]
    #[case(
        r#"{"coloumns":{}}"#,
        "/coloumns",
        "unknown option `coloumns`, did you mean `columns`?"
    )]
    #[case(
        r#"{"onConflict":1}"#,
        "/onConflict",
        "unknown option `onConflict`, did you mean `on_conflict`?"
    )]
    #[case(r#"{"atomic":true}"#, "/atomic", "option `atomic` has no effect here")]
    #[case(r#"{"a/b~":1}"#, "/a~1b~0", "unknown option `a/b~`")]
    #[case(r#"{"sheet":"a","sheet":"a"}"#, "/sheet", "`sheet` is given twice")]
    #[case(
        r#"{"columns":{"A":"name","A":null}}"#,
        "/columns/A",
        "`A` is given twice"
    )]
    #[case(
        r#"{"columns":{"A":1}}"#,
        "/columns/A",
        "must be a string or null, not a number"
    )]
    #[case(r#"{"columns":["A"]}"#, "/columns", "must be an object, not an array")]
    #[case(
        r#"{"defaults":{"type":null}}"#,
        "/defaults/type",
        "must be a string, not null"
    )]
    #[case(
        r#"{"values":{"type":{"A":true}}}"#,
        "/values/type/A",
        "must be a string, not a boolean"
    )]
    #[case(
        r#"{"header_row":0}"#,
        "/header_row",
        "must be the number of a row, from 1"
    )]
    #[case(
        r#"{"header_row":1.5}"#,
        "/header_row",
        "must be the number of a row, from 1"
    )]
    #[case(
        r#"{"header_row":"4"}"#,
        "/header_row",
        "must be a number, not a string"
    )]
    #[case(
        r#"{"date_format":"YYYY/MM/DD"}"#,
        "/date_format",
        "must be one of YYYY-MM-DD, DD/MM/YYYY, MM/DD/YYYY, excel"
    )]
    #[case(r#"{"decimal":","}"#, "/decimal", "must be one of point, comma")]
    #[case(
        r#"{"other_columns":"keep"}"#,
        "/other_columns",
        "must be one of ignore, attributes, error"
    )]
    fn invalid_option_is_named(#[case] json: &str, #[case] pointer: &str, #[case] message: &str) {
        let error = ImportOptions::parse(json, &[]).unwrap_err();
        assert_eq!(
            (error.pointer.as_str(), error.message.as_str()),
            (pointer, message)
        );
        if !pointer.is_empty() {
            let error = serde_json::from_str::<ImportOptions>(json).unwrap_err();
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("{pointer}: {message}")),
                "{error}"
            );
        }
    }
}
