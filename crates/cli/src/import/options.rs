//! Options of an import, from a mapping file and from arguments.

use devices_domain::BatchOptions;
use devices_import::{ImportOptions, OptionError, OtherColumns};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::arguments::{ReadingArguments, StoringArguments};

/// Options of an import: one JSON object for the server and for mapping files. Defaults are left
/// out, so that equal imports have equal options.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub(super) struct Options {
    /// Options for reading the file.
    #[serde(flatten)]
    pub(super) file: ImportOptions,
    #[serde(flatten)]
    storing: StoringOptions,
}

/// Options for storing the rows. The server checks their values.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct StoringOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    on_conflict: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#match: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    atomic: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nulls: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown_users: Option<String>,
}

impl Options {
    /// Reads the JSON of a mapping file.
    ///
    /// # Errors
    /// Returns a sentence about the first unknown or invalid option.
    pub(super) fn from_json(text: &str) -> Result<Self, String> {
        let parsed = ImportOptions::parse(text, &BatchOptions::NAMES);
        let (file, storing) = parsed.map_err(|error| option_error_text(&error))?;
        let storing = serde_json::from_value(Value::Object(storing));
        let storing = storing.map_err(|error| error.to_string())?;
        Ok(Self { file, storing })
    }

    /// Adds the arguments. They override options of the same name, and columns, defaults and values
    /// of the same key.
    pub(super) fn apply(&mut self, reading: &ReadingArguments, storing: &StoringArguments) {
        let file = &mut self.file;
        file.columns.extend(reading.columns.iter().cloned());
        file.defaults.extend(reading.defaults.iter().cloned());
        for (field, text, value) in &reading.values {
            let values = file.values.entry(field.clone()).or_default();
            values.insert(text.clone(), value.clone());
        }
        let delimiter = reading.delimiter.as_deref();
        let delimiter = delimiter.map(|name| if name == "tab" { "\t" } else { name });
        set(&mut file.delimiter, delimiter.map(Into::into));
        set(&mut file.sheet, reading.sheet.clone());
        set(&mut file.header_row, reading.header_row);
        set(&mut file.encoding, reading.encoding.clone());
        set(&mut file.name_from, reading.name_from.clone());
        set(&mut file.date_format, reading.date_format);
        set(&mut file.decimal, reading.decimal);
        file.other_columns = reading.other_columns.unwrap_or(file.other_columns);
        let batch = &mut self.storing;
        set(&mut batch.on_conflict, storing.on_conflict.clone());
        set(&mut batch.r#match, storing.match_field.clone());
        set(&mut batch.nulls, storing.nulls.clone());
        set(&mut batch.unknown_users, storing.unknown_users.clone());
        set(&mut batch.atomic, storing.no_atomic.then_some(false));
    }

    /// Returns whether all rows are stored or none.
    pub(super) fn is_atomic(&self) -> bool {
        self.storing.atomic != Some(false)
    }

    /// Returns the values of fields that no column has, and the template of names.
    pub(super) fn defaults(&self) -> Vec<(String, String)> {
        let template = self.file.name_from.iter();
        let template = template.map(|template| ("name".to_owned(), template.clone()));
        template.chain(self.file.defaults.clone()).collect()
    }

    /// Returns whether columns without a field become attributes.
    pub(super) fn keeps_other_columns(&self) -> bool {
        self.file.other_columns == OtherColumns::Attributes
    }

    /// Returns the options as the server and mapping files have them.
    pub(super) fn to_json(&self) -> Value {
        json!(self)
    }

    /// Returns the options of a part.
    pub(super) fn of_part(&self) -> Value {
        let part = Self {
            file: ImportOptions::of_part(),
            storing: self.storing.clone(),
        };
        part.to_json()
    }
}

/// Replaces an option if there is an argument.
fn set<T>(option: &mut Option<T>, argument: Option<T>) {
    if argument.is_some() {
        *option = argument;
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
        assert_eq!(options.file.sheet.as_deref(), Some("Inventory"));
    }

    #[test]
    fn invalid_options_are_rejected() {
        for invalid in ["[]", "{", r#"{"atomic": "no"}"#, r#"{"date_format": "YY"}"#] {
            assert!(Options::from_json(invalid).is_err(), "{invalid}");
        }
    }
}
