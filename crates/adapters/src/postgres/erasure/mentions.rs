//! Finds texts that name an erased user. They belong to the workspace, which decides about them.

use devices_domain::{Format, WorkspaceId, fields};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};

use super::PersonalValues;
use crate::postgres::query::statement::IdRow;

/// Ids of the objects whose texts contain an email address, a phone number or a full name of an
/// erased user, at most [`MAX`](Mentions::MAX) of each kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mentions {
    /// Devices, archived ones included.
    pub devices: Vec<i64>,
    /// Enrolments, deleted ones included.
    pub enrollments: Vec<i64>,
    /// Other users, deleted ones included.
    pub users: Vec<i64>,
    /// API keys, by their names.
    pub keys: Vec<i64>,
}

impl Mentions {
    /// Maximum number of ids of each kind.
    pub const MAX: usize = 100;

    /// Returns whether nothing was found.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Finds the mentions of the values, without regard to case.
pub(super) fn find(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    values: &PersonalValues,
) -> QueryResult<Mentions> {
    let mut ids = |table: &str, texts: &str| {
        let statement = format!(
            "SELECT id FROM {table} WHERE {table}.workspace_id = $1 AND EXISTS ( \
                 SELECT FROM lower(concat_ws(' ', {texts})) AS text \
                 JOIN unnest($2) AS value ON strpos(text, lower(value)) > 0) \
             ORDER BY id LIMIT {}",
            Mentions::MAX
        );
        let rows: Vec<IdRow> = diesel::sql_query(statement)
            .bind::<BigInt, _>(workspace.0)
            .bind::<Array<Text>, _>(&values.0)
            .load(connection)?;
        QueryResult::Ok(rows.into_iter().map(|row| row.id).collect())
    };
    Ok(Mentions {
        devices: ids("devices", &device_texts())?,
        enrollments: ids("devices_mdm", "local_name")?,
        users: ids(
            "users",
            "email, email_folded, first_name, last_name, phone, position",
        )?,
        keys: ids("api_keys", "name")?,
    })
}

/// Returns the columns of a device that contain free text.
fn device_texts() -> String {
    let texts = fields().iter().filter_map(|field| {
        // Names of dates are spelled differently, but those are no texts.
        let column = format!("devices.\"{}\"", field.name());
        match field.format() {
            Format::Text { .. }
            | Format::Lines { .. }
            | Format::SerialNumber
            | Format::AssetTag => Some(column),
            Format::TextList { .. } => Some(format!("array_to_string({column}, ' ')")),
            Format::Attributes { .. } => Some(format!("{column}::text")),
            _ => None,
        }
    });
    texts.collect::<Vec<_>>().join(", ")
}
