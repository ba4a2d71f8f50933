//! Options of an import in forms: the JSON object of the API in a hidden field, and the choices of
//! the user on top of it.

use std::collections::HashMap;

use devices_domain::{Nulls, OnConflict, UniqueField, UnknownUsers};
use devices_import::{
    BatchImportOptions, DateFormat, DecimalMark, ImportOptions, OptionError, OptionErrorReason,
    OtherColumns,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::query::Pairs;

/// Prefix of the names of selects for the fields of columns, before the index of the column.
const FIELD: &str = "field.";

/// Prefix of the names of inputs for defaults, before the name of the field.
const DEFAULT: &str = "default.";

/// Prefix of the names of selects for translated values, before the index in `value_keys`.
const VALUE: &str = "value.";

/// Maximum size of each text with JSON: that of the options of an import by the API.
const MAX_JSON_BYTES: usize = 256 * 1024;

/// Options of a form.
pub(super) struct FormOptions {
    pub(super) options: BatchImportOptions,
    /// `true` if the form states another table: its choices for columns belong to the former one.
    pub(super) reads_other_table: bool,
}

/// Returns the options as the JSON of the API. Leaves out defaults.
pub(super) fn to_json(options: &BatchImportOptions) -> Value {
    let mut json = serde_json::to_value(&options.file).unwrap_or_else(|_| json!({}));
    let batch = &options.batch;
    let mut set = |name: &str, value: Value| json[name] = value;
    if batch.on_conflict != OnConflict::Error {
        set("on_conflict", batch.on_conflict.as_str().into());
        set("match", batch.match_field.name().into());
        if batch.nulls != Nulls::Keep {
            set("nulls", batch.nulls.as_str().into());
        }
    }
    if batch.unknown_users != UnknownUsers::Error {
        set("unknown_users", batch.unknown_users.as_str().into());
    }
    if !batch.is_atomic {
        set("atomic", false.into());
    }
    json
}

/// Reads the options of a form. Takes time linear in the size of the form.
///
/// # Errors
/// The first invalid option, or a JSON text of more than 256 KiB. The selects of a page have none.
pub(super) fn from_form(values: &Pairs) -> Result<FormOptions, OptionError> {
    for name in ["mapping", "options", "columns", "value_keys"] {
        check_size(values, name)?;
    }
    let saved = values.get("mapping");
    let base = saved.or(values.get("options")).unwrap_or_default();
    let mut options = BatchImportOptions::parse(base.as_bytes())?;
    let sent = first_values(values);
    let mut reads_other_table = false;
    if let Some(columns) = values.raw("columns") {
        let before = options.file.clone();
        set_table(&mut options.file, values);
        reads_other_table = !is_same_table(&before, &options.file);
        if !reads_other_table {
            set_columns(&mut options.file, columns, &sent);
        }
        set_defaults(&mut options.file, values);
        set_formats(&mut options.file, values);
        set_batch(&mut options, values);
    }
    let keys = values.raw("value_keys").unwrap_or_default();
    set_values(&mut options.file, keys, &sent);
    Ok(FormOptions {
        options,
        reads_other_table,
    })
}

fn check_size(values: &Pairs, name: &str) -> Result<(), OptionError> {
    if values.raw(name).unwrap_or_default().len() <= MAX_JSON_BYTES {
        return Ok(());
    }
    let message = format!("{name} must not be larger than 256 KiB");
    Err(OptionError::new("", OptionErrorReason::Malformed, message))
}

/// Returns the first value of each name.
fn first_values(values: &Pairs) -> HashMap<&str, &str> {
    let pairs = values.0.iter().rev();
    pairs
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

fn text(values: &Pairs, name: &str) -> Option<String> {
    values.get(name).map(str::to_owned)
}

fn set_table(options: &mut ImportOptions, values: &Pairs) {
    options.sheet = values
        .raw("sheet")
        .filter(|sheet| !sheet.is_empty())
        .map(str::to_owned);
    let header_row = values.get("header_row").and_then(|row| row.parse().ok());
    options.header_row = header_row.filter(|row| *row > 0);
    options.encoding = text(values, "encoding");
    options.delimiter = match values.raw("delimiter") {
        None | Some("") => None,
        Some("tab") => Some("\t".to_owned()),
        Some(delimiter) => Some(delimiter.to_owned()),
    };
}

fn is_same_table(before: &ImportOptions, after: &ImportOptions) -> bool {
    (
        &before.sheet,
        before.header_row,
        &before.encoding,
        &before.delimiter,
    ) == (
        &after.sheet,
        after.header_row,
        &after.encoding,
        &after.delimiter,
    )
}

/// A column as a page showed it.
#[derive(Serialize, Deserialize)]
pub(super) struct ShownColumn {
    pub(super) name: String,
    /// Field that the page showed.
    pub(super) field: Option<String>,
    /// `true` if the options state the field, `false` if it was recognised.
    pub(super) is_given: bool,
}

/// Sets the fields of columns. A column whose field was recognised and is not changed has no entry,
/// so that a saved mapping also fits a file without this column.
fn set_columns(options: &mut ImportOptions, columns: &str, sent: &HashMap<&str, &str>) {
    let shown: Vec<ShownColumn> = serde_json::from_str(columns).unwrap_or_default();
    let shown = shown.into_iter().enumerate();
    let chosen = shown.filter_map(|(index, column)| {
        let field = sent.get(format!("{FIELD}{index}").as_str())?;
        Some((column, field.trim()))
    });
    let chosen: Vec<(ShownColumn, &str)> = chosen.collect();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for (_, field) in &chosen {
        *counts.entry(field).or_default() += 1;
    }
    // The names of columns ignore case. The last one replaces the others.
    let mut changed = HashMap::new();
    for (column, field) in chosen {
        let is_unchanged = field == column.field.as_deref().unwrap_or_default();
        let is_repeated = counts[field] > 1;
        if is_unchanged && !column.is_given && (!is_repeated || field.is_empty()) {
            continue;
        }
        let field = (!field.is_empty()).then(|| field.to_owned());
        changed.insert(column.name.to_lowercase(), (column.name, field));
    }
    let is_kept = |name: &str| !changed.contains_key(&name.to_lowercase());
    options.columns.retain(|name, _| is_kept(name));
    options.columns.extend(changed.into_values());
}

fn set_defaults(options: &mut ImportOptions, values: &Pairs) {
    for (name, value) in &values.0 {
        let Some(field) = name.strip_prefix(DEFAULT) else {
            continue;
        };
        match value.trim() {
            "" => options.defaults.remove(field),
            value => options.defaults.insert(field.to_owned(), value.to_owned()),
        };
    }
    if values.raw("name_from").is_some() {
        options.name_from = text(values, "name_from");
    }
}

fn set_formats(options: &mut ImportOptions, values: &Pairs) {
    let date_format = values.get("date_format");
    options.date_format = match date_format {
        Some("YYYY-MM-DD") => Some(DateFormat::YearFirst),
        Some("DD/MM/YYYY") => Some(DateFormat::DayFirst),
        Some("MM/DD/YYYY") => Some(DateFormat::MonthFirst),
        Some("excel") => Some(DateFormat::Excel),
        _ => None,
    };
    options.decimal = match values.get("decimal") {
        Some("point") => Some(DecimalMark::Point),
        Some("comma") => Some(DecimalMark::Comma),
        _ => None,
    };
    options.other_columns = if values.get("other_columns").is_some() {
        OtherColumns::Attributes
    } else {
        OtherColumns::Ignore
    };
}

fn set_batch(options: &mut BatchImportOptions, values: &Pairs) {
    let batch = &mut options.batch;
    let on_conflict = values.get("on_conflict").and_then(OnConflict::from_name);
    batch.on_conflict = on_conflict.unwrap_or_default();
    let unknown_users = values
        .get("unknown_users")
        .and_then(UnknownUsers::from_name);
    batch.unknown_users = unknown_users.unwrap_or_default();
    // Both have no effect if rows are not matched.
    (batch.match_field, batch.nulls) = (UniqueField::SerialNumber, Nulls::Keep);
    if batch.matches_rows() {
        let name = values.get("match");
        let mut fields = UniqueField::ALL.into_iter();
        let field = fields.find(|field| Some(field.name()) == name);
        batch.match_field = field.unwrap_or(UniqueField::SerialNumber);
        let clears = values.get("nulls").is_some();
        batch.nulls = if clears { Nulls::Clear } else { Nulls::Keep };
    }
}

/// Sets the translations of values that the page offered.
fn set_values(options: &mut ImportOptions, keys: &str, sent: &HashMap<&str, &str>) {
    let keys: Vec<(String, String)> = serde_json::from_str(keys).unwrap_or_default();
    for (index, (field, from)) in keys.into_iter().enumerate() {
        let translations = options.values.entry(field.clone()).or_default();
        let to = sent.get(format!("{VALUE}{index}").as_str());
        match to.map(|to| to.trim()).filter(|to| !to.is_empty()) {
            Some(to) => translations.insert(from, to.to_owned()),
            None => translations.remove(&from),
        };
        if translations.is_empty() {
            options.values.remove(&field);
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Pairs {
        let pairs = pairs.iter();
        Pairs(
            pairs
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
    }

    fn json_of(form: &[(&str, &str)]) -> Value {
        to_json(&from_form(&pairs(form)).unwrap().options)
    }

    #[rstest]
    #[case("{}")]
    #[case(r#"{"atomic":false,"columns":{"A":null,"B":"model"},"defaults":{"type":"laptop"}}"#)]
    #[case(r#"{"match":"asset_tag","nulls":"clear","on_conflict":"update","sheet":"S"}"#)]
    #[case(r#"{"unknown_users":"create","values":{"status":{"a":"b"}}}"#)]
    fn options_survive_their_json(#[case] json: &str) {
        let parsed: Value = serde_json::from_str(json).unwrap();
        assert_eq!(json_of(&[("options", json)]), parsed);
    }

    #[test]
    fn only_changed_columns_are_stated() {
        let columns = json!([
            {"name": "A", "field": "name", "is_given": false},
            {"name": "B", "field": null, "is_given": false},
            {"name": "C", "field": "model", "is_given": true},
            {"name": "D", "field": "type", "is_given": false},
        ])
        .to_string();
        let form = [
            ("options", r#"{"columns":{"c":"model"}}"#),
            ("columns", &columns),
            ("field.0", "name"),
            ("field.1", "brand"),
            ("field.2", ""),
            ("field.3", "brand"),
        ];
        let expected = json!({"columns": {"B": "brand", "C": null, "D": "brand"}});
        assert_eq!(json_of(&form), expected);
    }

    #[test]
    fn choices_for_another_table_are_not_used() {
        let form = [
            (
                "columns",
                r#"[{"name":"A","field":"name","is_given":false}]"#,
            ),
            ("field.0", "brand"),
            ("header_row", "4"),
        ];
        let read = from_form(&pairs(&form)).unwrap();
        assert!(read.reads_other_table);
        assert_eq!(to_json(&read.options), json!({"header_row": 4}));
    }

    #[test]
    fn choices_of_the_form_are_read() {
        let form = [
            ("columns", "[]"),
            ("default.type", " laptop "),
            ("default.category", ""),
            ("name_from", "{A} {B}"),
            ("date_format", "DD/MM/YYYY"),
            ("decimal", "comma"),
            ("other_columns", "attributes"),
            ("on_conflict", "update"),
            ("match", "asset_tag"),
            ("unknown_users", "create"),
            ("delimiter", "tab"),
            (
                "value_keys",
                r#"[["client_status","x"],["client_status","y"]]"#,
            ),
            ("value.0", "LOST"),
            ("value.1", ""),
        ];
        let expected = json!({
            "defaults": {"type": "laptop"}, "name_from": "{A} {B}", "date_format": "DD/MM/YYYY",
            "decimal": "comma", "other_columns": "attributes", "on_conflict": "update",
            "match": "asset_tag", "unknown_users": "create", "delimiter": "\t",
            "values": {"client_status": {"x": "LOST"}},
        });
        assert_eq!(json_of(&form), expected);
    }

    #[test]
    fn invalid_saved_options_are_an_error() {
        let read = from_form(&pairs(&[("options", r#"{"colums":{}}"#)]));
        assert!(read.is_err_and(|error| error.pointer == "/colums"));
    }

    #[rstest]
    #[case("mapping")]
    #[case("options")]
    #[case("columns")]
    #[case("value_keys")]
    fn large_json_is_rejected(#[case] name: &str) {
        let json = |length: usize| format!("{{}}{}", " ".repeat(length - 2));
        assert!(from_form(&pairs(&[(name, &json(MAX_JSON_BYTES))])).is_ok());
        let read = from_form(&pairs(&[(name, &json(MAX_JSON_BYTES + 1))]));
        assert!(read.is_err_and(|error| error.message.starts_with(name)));
    }
}
