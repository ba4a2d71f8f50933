//! Options of an import, from a mapping file and from arguments.

use devices_domain::BatchOptions;
use devices_import::{ImportOptions, OptionError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::arguments::{ReadingArguments, StoringArguments};
use super::wording::option_in_arguments;

/// Options of an import: one JSON object for the server and for mapping files. Has no defaults, so
/// that equal imports have equal options.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Options(Map<String, Value>);

/// Types of the options about what is stored, with which mapping files are checked. The server
/// checks their values.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct StoringOptions {
    on_conflict: Option<String>,
    r#match: Option<String>,
    atomic: Option<bool>,
    nulls: Option<String>,
    unknown_users: Option<String>,
}

impl Options {
    /// Reads the JSON of a mapping file.
    ///
    /// # Errors
    /// Returns a sentence about the first unknown or invalid option.
    pub(super) fn from_json(text: &str) -> Result<Self, String> {
        let parsed = ImportOptions::parse(text, &BatchOptions::NAMES);
        let (_, storing) = parsed.map_err(|error| option_error_text(&error))?;
        let storing = Value::Object(storing);
        serde_json::from_value::<StoringOptions>(storing).map_err(|error| error.to_string())?;
        let options = serde_json::from_str(text).map_err(|error| error.to_string())?;
        Ok(Self(options))
    }

    /// Adds the arguments. They override options of the same name, and columns, defaults and values
    /// of the same key.
    pub(super) fn apply(&mut self, reading: &ReadingArguments, storing: &StoringArguments) {
        for (header, field) in &reading.columns {
            self.object("columns").insert(header.clone(), json!(field));
        }
        for (field, value) in &reading.defaults {
            self.object("defaults").insert(field.clone(), json!(value));
        }
        for (field, text, value) in &reading.values {
            let values = object(self.object("values"), field);
            values.insert(text.clone(), json!(value));
        }
        let delimiter = reading.delimiter.as_deref();
        let delimiter = delimiter.map(|name| if name == "tab" { "\t" } else { name });
        for (name, value) in [
            ("name_from", reading.name_from.as_deref()),
            ("other_columns", reading.other_columns.as_deref()),
            ("date_format", reading.date_format.as_deref()),
            ("decimal", reading.decimal.as_deref()),
            ("sheet", reading.sheet.as_deref()),
            ("encoding", reading.encoding.as_deref()),
            ("delimiter", delimiter),
            ("on_conflict", storing.on_conflict.as_deref()),
            ("match", storing.match_field.as_deref()),
            ("nulls", storing.nulls.as_deref()),
            ("unknown_users", storing.unknown_users.as_deref()),
        ] {
            if let Some(value) = value {
                self.0.insert(name.to_owned(), json!(value));
            }
        }
        if let Some(row) = reading.header_row {
            self.0.insert("header_row".to_owned(), json!(row));
        }
        if storing.no_atomic {
            self.0.insert("atomic".to_owned(), json!(false));
        }
    }

    /// Returns whether all rows are stored or none.
    pub(super) fn is_atomic(&self) -> bool {
        self.0.get("atomic") != Some(&json!(false))
    }

    /// Returns the values of fields that no column has, and the template of names.
    pub(super) fn defaults(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let defaults = self.0.get("defaults").and_then(Value::as_object);
        let defaults = defaults.into_iter().flatten();
        let defaults = defaults.map(|(field, value)| (field.clone(), text(value)));
        let template = self.0.get("name_from");
        let template = template.map(|template| ("name".to_owned(), text(template)));
        template.into_iter().chain(defaults).collect()
    }

    /// Returns the options as the server and mapping files have them.
    pub(super) fn to_json(&self) -> Value {
        Value::Object(self.0.clone())
    }

    /// Returns the options that state how the file is read.
    ///
    /// # Errors
    /// Returns a sentence about the first unknown or invalid option.
    pub(super) fn reading(&self) -> Result<ImportOptions, String> {
        let parsed = ImportOptions::parse(&self.to_json().to_string(), &BatchOptions::NAMES);
        let (reading, _) =
            parsed.map_err(|error| option_in_arguments(&error.pointer, &error.message))?;
        Ok(reading)
    }

    /// Returns the options of a part, which is canonical CSV. Nothing of it is detected.
    pub(super) fn of_part(&self) -> Value {
        let mut options = self.storing();
        for (name, value) in [
            ("header_row", json!(1)),
            ("encoding", json!("utf-8")),
            ("delimiter", json!(",")),
            ("date_format", json!("YYYY-MM-DD")),
            ("decimal", json!("point")),
        ] {
            options.insert(name.to_owned(), value);
        }
        Value::Object(options)
    }

    fn storing(&self) -> Map<String, Value> {
        let mut storing = self.0.clone();
        storing.retain(|name, _| BatchOptions::NAMES.contains(&name.as_str()));
        storing
    }

    fn object(&mut self, name: &str) -> &mut Map<String, Value> {
        object(&mut self.0, name)
    }
}

/// Returns a sentence about an option of a mapping file that is invalid.
fn option_error_text(error: &OptionError) -> String {
    match error.pointer.trim_start_matches('/') {
        "" => error.message.clone(),
        option => format!(
            "{}: {}",
            option.replace("~1", "/").replace("~0", "~"),
            error.message
        ),
    }
}

/// Returns the object that is the member `name`, which is created if it is missing.
fn object<'a>(parent: &'a mut Map<String, Value>, name: &str) -> &'a mut Map<String, Value> {
    let member = parent.entry(name).or_insert(Value::Null);
    if !member.is_object() {
        *member = json!({});
    }
    member.as_object_mut().expect("the member is an object")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(json: &Value) -> Options {
        Options::from_json(&json.to_string()).unwrap()
    }

    #[test]
    fn arguments_override_a_mapping_file() {
        let mut options = options(&json!({
            "columns": {"Room": null, "Kind": "type"}, "defaults": {"category": "computers"},
            "values": {"type": {"Notebook": "laptop"}}, "decimal": "comma", "on_conflict": "skip"
        }));
        let reading = ReadingArguments {
            columns: vec![("Kind".into(), Some("name".into())), ("Tag".into(), None)],
            defaults: vec![("type".into(), "laptop".into())],
            values: vec![("type".into(), "Tower".into(), "desktop".into())],
            delimiter: Some("tab".into()),
            header_row: Some(4),
            ..ReadingArguments::default()
        };
        let storing = StoringArguments {
            on_conflict: Some("update".into()),
            unknown_users: Some("leave_out".into()),
            no_atomic: true,
            ..StoringArguments::default()
        };
        options.apply(&reading, &storing);
        let expected = json!({
            "columns": {"Room": null, "Kind": "name", "Tag": null},
            "defaults": {"category": "computers", "type": "laptop"},
            "values": {"type": {"Notebook": "laptop", "Tower": "desktop"}},
            "decimal": "comma", "delimiter": "\t", "header_row": 4,
            "on_conflict": "update", "unknown_users": "leave_out", "atomic": false
        });
        assert_eq!(options.to_json(), expected);
        assert!(!options.is_atomic());
    }

    #[test]
    fn options_without_arguments_are_empty() {
        let mut options = Options::default();
        options.apply(&ReadingArguments::default(), &StoringArguments::default());
        assert_eq!(options.to_json(), json!({}));
        assert!(options.is_atomic());
    }

    #[test]
    fn part_has_no_options_of_the_file() {
        let options = options(&json!({
            "sheet": "Inventory", "columns": {"Room": null}, "on_conflict": "update",
            "atomic": false, "date_format": "DD/MM/YYYY"
        }));
        let expected = json!({
            "on_conflict": "update", "atomic": false, "header_row": 1, "encoding": "utf-8",
            "delimiter": ",", "date_format": "YYYY-MM-DD", "decimal": "point"
        });
        assert_eq!(options.of_part(), expected);
        let reading = options.reading().unwrap();
        assert_eq!(reading.sheet.as_deref(), Some("Inventory"));
    }

    #[test]
    fn invalid_options_are_rejected() {
        for invalid in ["[]", "{", r#"{"atomic": "no"}"#, r#"{"date_format": "YY"}"#] {
            assert!(Options::from_json(invalid).is_err(), "{invalid}");
        }
    }
}
