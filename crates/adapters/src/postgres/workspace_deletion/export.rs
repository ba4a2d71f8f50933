//! Export of the rows of a workspace, as JSON.

use devices_domain::WorkspaceId;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

/// Rows of a workspace that are exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exportable {
    /// Devices, archived ones included.
    Devices,
    /// Users, deleted ones included.
    Users,
    /// Enrolments, deleted ones included.
    Enrollments,
    /// Batches with options.
    Batches,
    /// Events of changes by requests.
    ChangeEvents,
    /// Events of administration and exports.
    AuditEvents,
}

impl Exportable {
    /// All kinds of rows.
    pub const ALL: [Self; 6] = [
        Self::Devices,
        Self::Users,
        Self::Enrollments,
        Self::Batches,
        Self::ChangeEvents,
        Self::AuditEvents,
    ];

    /// Returns the name of the rows in reports and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Devices => "devices",
            Self::Users => "users",
            Self::Enrollments => "enrollments",
            Self::Batches => "batches",
            Self::ChangeEvents => "change_events",
            Self::AuditEvents => "audit_events",
        }
    }

    pub(super) fn table(self) -> &'static str {
        match self {
            Self::Enrollments => "devices_mdm",
            Self::ChangeEvents => "device_events",
            other => other.name(),
        }
    }
}

/// A page of exported rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedPage {
    /// Rows as JSON objects. The names are those of the columns.
    pub lines: Vec<String>,
    /// Id after which the next page begins, if there is one.
    pub next: Option<i64>,
}

/// Maximum number of rows per page. A device takes up to some 30 KB.
const PAGE_SIZE: usize = 500;

#[derive(QueryableByName)]
struct ExportedRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    line: String,
}

#[derive(QueryableByName)]
struct ColumnRow {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Reads the rows whose ids are greater than `after`, in the order of their ids.
///
/// A row is exported as it is stored, with all columns, so that no new column is missed, and
/// `json_populate_record` can restore it.
pub(super) fn page(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    rows: Exportable,
    after: i64,
) -> QueryResult<ExportedPage> {
    let table = rows.table();
    let object = json_object(connection, table)?;
    let page: Vec<ExportedRow> = diesel::sql_query(format!(
        "SELECT id, {object} AS line FROM {table} \
         WHERE {table}.workspace_id = $1 AND id > $2 ORDER BY id LIMIT {PAGE_SIZE}"
    ))
    .bind::<BigInt, _>(workspace.0)
    .bind::<BigInt, _>(after)
    .load(connection)?;
    let last = page.last().filter(|_| page.len() == PAGE_SIZE);
    Ok(ExportedPage {
        next: last.map(|row| row.id),
        lines: page.into_iter().map(|row| row.line).collect(),
    })
}

/// Returns an SQL expression for the JSON object with all columns of a table. Not `row_to_json`: a
/// cluster accepts no whole row as an argument, and a function takes at most 100 arguments.
fn json_object(connection: &mut PgConnection, table: &str) -> QueryResult<String> {
    let columns: Vec<ColumnRow> = diesel::sql_query(
        "SELECT attname::text AS name FROM pg_attribute \
         WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
    )
    .bind::<Text, _>(table)
    .load(connection)?;
    let members = columns.iter().map(|ColumnRow { name }| {
        format!("'\"{name}\": ' || coalesce(to_json(\"{name}\")::text, 'null')")
    });
    let members: Vec<_> = members.collect();
    Ok(format!("'{{' || {} || '}}'", members.join(" || ', ' || ")))
}

/// Counts the rows of the workspace.
pub(super) fn count(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    rows: Exportable,
) -> QueryResult<u64> {
    let table = rows.table();
    let counted: CountRow = diesel::sql_query(format!(
        "SELECT count(*) AS count FROM {table} WHERE {table}.workspace_id = $1"
    ))
    .bind::<BigInt, _>(workspace.0)
    .get_result(connection)?;
    Ok(counted.count.unsigned_abs())
}
