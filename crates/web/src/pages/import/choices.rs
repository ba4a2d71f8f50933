//! Choices for a file and its rows, beside the fields of the columns.

use devices_domain::{BatchOptions, Nulls, UniqueField};
use devices_import::{ImportOptions, Interpretation, OtherColumns};

use super::form::ImportForm;
use super::table::Choice;
use super::wording;
use crate::texts::EN;

/// Input for the value of a field that no column provides.
pub(super) struct DefaultInput {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) hint: &'static str,
    pub(super) value: String,
    pub(super) error: Option<String>,
}

pub(super) struct Formats {
    pub(super) date_orders: Vec<Choice>,
    pub(super) decimals: Vec<Choice>,
    pub(super) keeps_other_columns: bool,
}

/// Treatment of rows.
pub(super) struct Treatment {
    pub(super) on_conflict: Vec<Choice>,
    pub(super) match_fields: Vec<Choice>,
    pub(super) clears: bool,
    pub(super) unknown_users: Vec<Choice>,
}

/// Returns the inputs for fields that no column provides. With `requires`, an empty one is an
/// error.
pub(super) fn default_inputs(
    options: &ImportOptions,
    missing: &[&'static str],
    requires: bool,
) -> Vec<DefaultInput> {
    let mut names: Vec<&str> = missing
        .iter()
        .copied()
        .filter(|name| *name != "name")
        .collect();
    let given = options.defaults.keys().map(String::as_str);
    names.extend(given.filter(|name| !missing.contains(name)));
    if missing.contains(&"name") {
        names.insert(0, "name");
    }
    let inputs = names.into_iter().map(|name| {
        let value = options.defaults.get(name).cloned().unwrap_or_default();
        let is_missing = missing.contains(&name) && value.is_empty();
        DefaultInput {
            name: name.to_owned(),
            label: wording::field_label(name),
            hint: match name {
                "name" => EN.import.name_hint,
                "type" => EN.import.type_hint,
                "category" => EN.import.category_hint,
                _ => "",
            },
            value,
            error: (requires && is_missing).then(|| EN.import.missing_value.to_owned()),
        }
    });
    inputs.collect()
}

/// Returns the template of the name, if no column provides the name. Proposes brand and model.
pub(super) fn name_template(
    form: &ImportForm,
    options: &ImportOptions,
    interpretation: &Interpretation,
) -> Option<String> {
    if let Some(template) = &options.name_from {
        return Some(template.clone());
    }
    let columns = &interpretation.columns;
    let header_of = |field: &str| {
        let column = columns
            .iter()
            .find(|column| column.field.as_deref() == Some(field))?;
        let is_plain = !column.name.contains(['{', '}']);
        is_plain.then(|| format!("{{{}}}", column.name))
    };
    if header_of("name").is_some() {
        return None;
    }
    let is_first_time = form.values.raw("name_from").is_none();
    let has_name = !interpretation.missing_fields.contains(&"name");
    if has_name || !is_first_time {
        return Some(String::new());
    }
    let parts: Vec<_> = ["brand", "model"]
        .into_iter()
        .filter_map(header_of)
        .collect();
    Some(parts.join(" "))
}

impl Formats {
    pub(super) fn new(options: &ImportOptions) -> Self {
        let texts = &EN.import;
        let json = |value: Option<serde_json::Value>| {
            let text = value.and_then(|value| value.as_str().map(str::to_owned));
            text.unwrap_or_default()
        };
        let date_format = json(
            options
                .date_format
                .and_then(|it| serde_json::to_value(it).ok()),
        );
        let decimal = json(options.decimal.and_then(|it| serde_json::to_value(it).ok()));
        let date = |value, label| Choice::new(value, label, &date_format);
        let mark = |value, label| Choice::new(value, label, &decimal);
        Self {
            date_orders: vec![
                date("", texts.date_detect),
                date("DD/MM/YYYY", texts.date_day_first),
                date("MM/DD/YYYY", texts.date_month_first),
                date("YYYY-MM-DD", texts.date_year_first),
                date("excel", texts.date_excel),
            ],
            decimals: vec![
                mark("", texts.decimal_detect),
                mark("point", texts.decimal_point),
                mark("comma", texts.decimal_comma),
            ],
            keeps_other_columns: options.other_columns == OtherColumns::Attributes,
        }
    }
}

impl Treatment {
    pub(super) fn new(batch: BatchOptions) -> Self {
        let texts = &EN.import;
        let on_conflict = batch.on_conflict.as_str();
        let conflict = |value, label| Choice::new(value, label, on_conflict);
        let unknown_users = batch.unknown_users.as_str();
        let users = |value, label| Choice::new(value, label, unknown_users);
        let match_fields = UniqueField::ALL.map(UniqueField::name);
        let match_field = batch.match_field.name();
        let matched = |name| Choice::new(name, wording::field_label(name), match_field);
        Self {
            on_conflict: vec![
                conflict("error", texts.conflict_error),
                conflict("skip", texts.conflict_skip),
                conflict("update", texts.conflict_update),
            ],
            match_fields: match_fields.map(matched).into(),
            clears: batch.nulls == Nulls::Clear,
            unknown_users: vec![
                users("error", texts.users_error),
                users("create", texts.users_create),
                users("leave_out", texts.users_leave_out),
            ],
        }
    }
}
