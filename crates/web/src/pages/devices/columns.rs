//! Columns of the list, which each browser chooses.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time::Duration};
use chrono::{DateTime, Utc};
use devices_domain::{ClientStatus, Field, StoredDevice, fields};

use crate::PATH;
use crate::fields::{DEVICE_GROUPS, Value, label};
use crate::pages::users::assignee_name;
use crate::query::Pairs;
use crate::texts::EN;

const COOKIE: &str = "fleet_devices_columns";

/// Columns of a browser that has not chosen any.
const DEFAULT: [&str; 7] = [
    "name",
    "type",
    "brand",
    "model",
    "serial_number",
    "assignee",
    "status",
];

/// Column of the list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Column {
    Field(&'static Field),
    Assignee,
    Status,
    Created,
    Updated,
}

/// Cell of the list.
pub(crate) enum Cell {
    Value(Value),
    Assignee(Option<(String, String)>),
    Status(ClientStatus),
    Instant(DateTime<Utc>),
}

/// A group of columns to choose from.
pub(super) struct ColumnGroup {
    pub(super) title: &'static str,
    pub(super) columns: Vec<Column>,
}

impl Column {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Field(field) => field.name(),
            Self::Assignee => "assignee",
            Self::Status => "status",
            Self::Created => "created_at",
            Self::Updated => "updated_at",
        }
    }

    pub(super) fn label(self) -> String {
        let texts = &EN.devices;
        match self {
            Self::Field(field) => label(field),
            Self::Assignee => texts.assignee.to_owned(),
            Self::Status => texts.status.to_owned(),
            Self::Created => texts.created.to_owned(),
            Self::Updated => texts.updated.to_owned(),
        }
    }

    /// Returns whether the column has numbers, which are aligned at their ends.
    pub(super) fn is_numeric(self) -> bool {
        matches!(self, Self::Field(field) if field.format() == devices_domain::Format::Amount)
    }

    /// Returns the column that begins each row.
    pub(super) fn is_name(self) -> bool {
        self.name() == DEFAULT[0]
    }

    fn cell(self, device: &StoredDevice, row: &devices_domain::RawRow<'_>) -> Cell {
        match self {
            Self::Field(field) => Cell::Value(Value::new(field, row.get(field.name()))),
            Self::Assignee => Cell::Assignee(
                device
                    .assignee
                    .as_ref()
                    .map(|assignee| (assignee.id.to_string(), assignee_name(assignee))),
            ),
            Self::Status => Cell::Status(device.client_status()),
            Self::Created => Cell::Instant(device.created_at),
            Self::Updated => Cell::Instant(device.updated_at),
        }
    }
}

/// Returns the cells of a device, without that of its name.
pub(super) fn cells(columns: &[Column], device: &StoredDevice) -> Vec<Cell> {
    let row = device.device.fields.to_row();
    let columns = columns.iter().filter(|column| !column.is_name());
    columns.map(|column| column.cell(device, &row)).collect()
}

/// Returns all columns, in the order in which the list shows them: the default ones first.
fn all() -> Vec<Column> {
    // `user_id` and `user_email` are both in the column of the assignee.
    let fields = fields().iter();
    let fields = fields.filter(|field| !matches!(field.name(), "user_id" | "user_email"));
    let fields: Vec<_> = fields.map(Column::Field).collect();
    let others = [
        Column::Assignee,
        Column::Status,
        Column::Created,
        Column::Updated,
    ];
    let mut all: Vec<_> = fields.into_iter().chain(others).collect();
    // Stable: the other columns keep their order.
    all.sort_by_key(|column| {
        let mut default = DEFAULT.iter();
        default
            .position(|name| *name == column.name())
            .unwrap_or(DEFAULT.len())
    });
    all
}

/// Returns all columns in the groups of the fields. That of the name cannot be left out.
pub(super) fn groups() -> Vec<ColumnGroup> {
    let all = all();
    let mut groups: Vec<_> =
        DEVICE_GROUPS
            .iter()
            .map(|group| {
                ColumnGroup {
            title: group.title,
            columns: all.iter().copied().filter(|column| !column.is_name()).filter(|column| {
                matches!(column, Column::Field(field) if group.fields.contains(field))
            }).collect(),
        }
            })
            .collect();
    let others = all
        .into_iter()
        .filter(|column| !matches!(column, Column::Field(_)));
    groups.insert(
        0,
        ColumnGroup {
            title: EN.devices.general,
            columns: others.collect(),
        },
    );
    groups
}

/// Returns the columns with these names, and that of the name. Unknown names are ignored.
fn named<'n>(names: impl Iterator<Item = &'n str>) -> Vec<Column> {
    let names: Vec<_> = names.collect();
    let mut columns = all();
    columns.retain(|column| column.is_name() || names.contains(&column.name()));
    columns
}

/// Returns the columns that the browser has chosen.
pub(super) fn of_request(request: &HttpRequest) -> Vec<Column> {
    match request.cookie(COOKIE) {
        Some(cookie) => named(cookie.value().split('.')),
        None => named(DEFAULT.into_iter()),
    }
}

/// Returns the columns that a form chooses.
pub(super) fn of_form(form: &Pairs) -> Vec<Column> {
    named(form.all("column"))
}

/// Returns the cookie that keeps a choice for a year.
pub(super) fn cookie(columns: &[Column]) -> Cookie<'static> {
    let names: Vec<_> = columns.iter().map(|column| column.name()).collect();
    Cookie::build(COOKIE, names.join("."))
        .path(PATH)
        .http_only(true)
        .same_site(SameSite::Strict)
        .max_age(Duration::days(365))
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_columns_are_the_first_ones() {
        let names: Vec<_> = named(DEFAULT.into_iter())
            .into_iter()
            .map(Column::name)
            .collect();
        assert_eq!(names, DEFAULT);
    }

    #[test]
    fn unknown_columns_are_ignored() {
        let columns = named("color.evil<script>.color.user_id".split('.'));
        let names: Vec<_> = columns.into_iter().map(Column::name).collect();
        assert_eq!(names, ["name", "color"]);
    }

    #[test]
    fn groups_have_all_columns() {
        let grouped: usize = groups().iter().map(|group| group.columns.len()).sum();
        assert_eq!(grouped + 1, all().len());
    }
}
