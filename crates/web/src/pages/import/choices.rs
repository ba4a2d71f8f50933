//! Choices for a file and its rows, beside the fields of the columns.

use devices_domain::{BatchOptions, Nulls, UniqueField};
use devices_import::{ImportOptions, Interpretation, OtherColumns};

use super::form::ImportForm;
use super::table::Select;
use super::wording;
use crate::fields::described_by;
use crate::texts::EN;

/// Input for the value of a field that no column provides.
pub(super) struct DefaultInput {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) hint: &'static str,
    pub(super) value: String,
    pub(super) error: Option<String>,
}

impl DefaultInput {
    /// Returns the ids of the elements that describe the input. Empty for none.
    pub(super) fn described_by(&self) -> String {
        described_by(&self.name, !self.hint.is_empty(), self.error.is_some())
    }
}

pub(super) struct Formats {
    pub(super) date_orders: Select,
    pub(super) decimals: Select,
    pub(super) keeps_other_columns: bool,
}

/// Options for rows whose device is stored, or whose assignee is not a user.
pub(super) struct RowOptions {
    pub(super) on_conflict: Select,
    pub(super) match_fields: Select,
    pub(super) clears: bool,
    pub(super) unknown_users: Select,
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
        Self {
            date_orders: Select::new(
                &date_format,
                &[
                    ("", texts.date_detect),
                    ("DD/MM/YYYY", texts.date_day_first),
                    ("MM/DD/YYYY", texts.date_month_first),
                    ("YYYY-MM-DD", texts.date_year_first),
                    ("excel", texts.date_excel),
                ],
            ),
            decimals: Select::new(
                &decimal,
                &[
                    ("", texts.decimal_detect),
                    ("point", texts.decimal_point),
                    ("comma", texts.decimal_comma),
                ],
            ),
            keeps_other_columns: options.other_columns == OtherColumns::Attributes,
        }
    }
}

impl RowOptions {
    pub(super) fn new(batch: BatchOptions) -> Self {
        let texts = &EN.import;
        let match_fields = UniqueField::ALL.map(UniqueField::name);
        let match_fields = match_fields.map(|name| (name, wording::field_label(name)));
        let match_fields = match_fields
            .each_ref()
            .map(|(name, label)| (*name, &**label));
        Self {
            on_conflict: Select::new(
                batch.on_conflict.as_str(),
                &[
                    ("error", texts.conflict_error),
                    ("skip", texts.conflict_skip),
                    ("update", texts.conflict_update),
                ],
            ),
            match_fields: Select::new(batch.match_field.name(), &match_fields),
            clears: batch.nulls == Nulls::Clear,
            unknown_users: Select::new(
                batch.unknown_users.as_str(),
                &[
                    ("error", texts.users_error),
                    ("create", texts.users_create),
                    ("leave_out", texts.users_leave_out),
                ],
            ),
        }
    }
}
