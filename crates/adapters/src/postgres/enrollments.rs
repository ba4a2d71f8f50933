//! Enrolments in device management.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use devices_domain::{
    Action, DeviceId, Enrollment, EnrollmentFields, EnrollmentId, EnrollmentReport,
    EnrollmentRepository, Origin, Page, PageRequest, RepositoryError, SerialNumber,
    StoredEnrollment, Subject, WorkspaceId,
};
use diesel::dsl::now;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::{Array, BigInt, Text};

use crate::postgres::audit_events::NewEvent;
use crate::postgres::connection::database::Database;
use crate::postgres::query::columns::{Column, columns};
use crate::postgres::query::pagination::PagedQuery;
use crate::postgres::query::statement::{Statement, Value};
use crate::postgres::schema::tables::{devices, devices_mdm};
use crate::postgres::transaction::run::{Effect, Failure};

/// The enrolments of one workspace, in PostgreSQL.
pub(crate) struct PostgresEnrollments {
    database: Database,
    workspace: WorkspaceId,
}

impl PostgresEnrollments {
    pub(crate) fn new(database: Database, workspace: WorkspaceId) -> Self {
        Self {
            database,
            workspace,
        }
    }
}

columns! {
    devices_mdm: Columns of EnrollmentFields {
        status: Cow<'a, str>,
        local_name: Option<Cow<'a, str>>,
        is_locked: Option<bool>,
        lock_date: Option<DateTime<Utc>>,
        firewall_enabled: Option<bool>,
        os_updates_enabled: Option<bool>,
        is_encrypted: Option<bool>,
        screenlock_enabled: Option<bool>,
        is_compromised: Option<bool>,
        os_updates_available: Option<bool>,
        disk_encryption_profile_installed: Option<bool>,
        enrollment_date: Option<DateTime<Utc>>,
        unenrollment_date: Option<DateTime<Utc>>,
        download_date: Option<DateTime<Utc>>,
        last_seen_date: Option<DateTime<Utc>>,
        last_sync_date: Option<DateTime<Utc>>,
    }
}

#[derive(QueryableByName, Queryable, Selectable)]
#[diesel(table_name = devices_mdm)]
struct EnrollmentRow {
    id: i64,
    serial_number: String,
    serial_number_folded: String,
    created_at: DateTime<Utc>,
    #[diesel(embed)]
    columns: Columns<'static>,
}

impl EnrollmentRow {
    fn into_enrollment(self) -> QueryResult<Enrollment> {
        Ok(Enrollment {
            id: EnrollmentId(self.id),
            fields: self.columns.into_fields()?,
        })
    }
}

/// The newest enrolment of each of these folded serial numbers that is neither deleted nor a draft.
pub(crate) fn newest(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    serial_numbers: impl Iterator<Item = impl AsRef<str>>,
) -> QueryResult<HashMap<String, Enrollment>> {
    let serial_numbers: Vec<String> = serial_numbers
        .map(|serial| serial.as_ref().to_owned())
        .collect();
    if serial_numbers.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<EnrollmentRow> = diesel::sql_query(
        "SELECT newest.* FROM unnest($2) AS wanted (serial_number_folded) \
         CROSS JOIN LATERAL ( \
             SELECT * FROM devices_mdm \
             WHERE devices_mdm.workspace_id = $1 \
               AND devices_mdm.serial_number_folded = wanted.serial_number_folded \
               AND devices_mdm.deleted_at IS NULL \
               AND devices_mdm.status <> 'DRAFT' \
             ORDER BY devices_mdm.created_at DESC, devices_mdm.id DESC \
             LIMIT 1 \
         ) AS newest",
    )
    .bind::<BigInt, _>(workspace.0)
    .bind::<Array<Text>, _>(serial_numbers)
    .load(connection)?;
    found
        .into_iter()
        .map(|row| Ok((row.serial_number_folded.clone(), row.into_enrollment()?)))
        .collect()
}

/// The enrolments in these rows, each with the living device of its serial number.
fn complete(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    rows: Vec<EnrollmentRow>,
) -> QueryResult<Vec<StoredEnrollment>> {
    let serial_numbers = rows.iter().map(|row| row.serial_number_folded.as_str());
    let linked: HashMap<Option<String>, i64> = devices::table
        .filter(devices::workspace_id.eq(workspace.0))
        .filter(devices::serial_number_folded.eq_any(serial_numbers.collect::<Vec<_>>()))
        .filter(devices::deleted_at.is_null())
        .select((devices::serial_number_folded, devices::id))
        .load(connection)?
        .into_iter()
        .collect();
    let complete_one = |row: EnrollmentRow| {
        let device = linked.get(&Some(row.serial_number_folded.clone()));
        Ok(StoredEnrollment {
            serial_number: SerialNumber::from_trusted(&row.serial_number),
            device_id: device.copied().map(DeviceId),
            created_at: row.created_at,
            enrollment: row.into_enrollment()?,
        })
    };
    rows.into_iter().map(complete_one).collect()
}

/// The living enrolments of a serial number, newest first, which nobody else changes, and to which
/// nobody adds one, until the transaction ends.
fn lock(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    serial_number: &SerialNumber,
) -> QueryResult<Vec<EnrollmentRow>> {
    diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended('enrolment ' || $2, $1))")
        .bind::<BigInt, _>(workspace.0)
        .bind::<Text, _>(serial_number.folded())
        .execute(connection)?;
    devices_mdm::table
        .filter(devices_mdm::workspace_id.eq(workspace.0))
        .filter(devices_mdm::serial_number_folded.eq(serial_number.folded()))
        .filter(devices_mdm::deleted_at.is_null())
        .order((devices_mdm::created_at.desc(), devices_mdm::id.desc()))
        .select(EnrollmentRow::as_select())
        .load(connection)
}

fn delete_rows(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    ids: Vec<i64>,
) -> QueryResult<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let rows = devices_mdm::table
        .filter(devices_mdm::workspace_id.eq(workspace.0))
        .filter(devices_mdm::id.eq_any(ids));
    diesel::update(rows)
        .set(devices_mdm::deleted_at.eq(now))
        .execute(connection)?;
    Ok(())
}

fn put(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    report: &EnrollmentReport,
) -> Result<((StoredEnrollment, bool), Effect), Failure<RepositoryError>> {
    let mut rows = lock(connection, workspace, &report.serial_number)?.into_iter();
    let newest = rows.next();
    let older: Vec<i64> = rows.map(|row| row.id).collect();
    let has_older = !older.is_empty();
    delete_rows(connection, workspace, older)?;
    let names = (
        devices_mdm::serial_number.eq(report.serial_number.as_str()),
        devices_mdm::serial_number_folded.eq(report.serial_number.folded()),
    );
    let columns = Columns::from_fields(&report.fields);
    let is_new = newest.is_none();
    let (row, action, changed): (EnrollmentRow, _, _) = match newest {
        None => {
            let row = diesel::insert_into(devices_mdm::table)
                .values((devices_mdm::workspace_id.eq(workspace.0), names, columns))
                .returning(EnrollmentRow::as_returning())
                .get_result(connection)?;
            (row, Action::Created, Vec::new())
        }
        Some(before) => {
            let row = diesel::update(devices_mdm::table.find((workspace.0, before.id)))
                .set((names, columns))
                .returning(EnrollmentRow::as_returning())
                .get_result(connection)?;
            let mut changed = Vec::new();
            if before.serial_number != row.serial_number {
                changed.push("serial_number");
            }
            let before = before.into_enrollment()?.fields;
            changed.extend(before.changed_field_names(&report.fields));
            (row, Action::Updated, changed)
        }
    };
    let mut written = Effect::None;
    if is_new || has_older || !changed.is_empty() {
        let subject = Subject::Enrollment(EnrollmentId(row.id));
        let record = NewEvent::new(action, subject).with_fields(changed);
        written = Effect::Marked(record.insert(connection, workspace, &report.origin)?);
    }
    let stored = complete(connection, workspace, vec![row])?;
    let stored = stored.into_iter().next().ok_or(DieselError::NotFound)?;
    Ok(((stored, is_new), written))
}

fn delete(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    serial_number: &SerialNumber,
    origin: &Origin,
) -> Result<(Option<StoredEnrollment>, Effect), Failure<RepositoryError>> {
    let rows = lock(connection, workspace, serial_number)?;
    let Some(newest) = rows.first().map(|row| row.id) else {
        return Ok((None, Effect::None));
    };
    let mut completed = complete(connection, workspace, rows)?;
    let ids = completed.iter().map(|stored| stored.enrollment.id.0);
    delete_rows(connection, workspace, ids.collect())?;
    let subject = Subject::Enrollment(EnrollmentId(newest));
    let receipt = NewEvent::new(Action::Deleted, subject).insert(connection, workspace, origin)?;
    let deleted = completed.swap_remove(0);
    Ok((Some(deleted), Effect::Marked(receipt)))
}

#[async_trait]
impl EnrollmentRepository for PostgresEnrollments {
    async fn list(
        &self,
        linked: Option<bool>,
        paging: PageRequest,
    ) -> Result<Page<StoredEnrollment>, RepositoryError> {
        let workspace = self.workspace;
        self.database
            .read(move |connection| list(connection, workspace, linked, paging))
            .await
    }

    async fn put(
        &self,
        report: Arc<EnrollmentReport>,
    ) -> Result<(StoredEnrollment, bool), RepositoryError> {
        let workspace = self.workspace;
        self.database
            .transact(move |connection| put(connection, workspace, &report))
            .await
    }

    async fn delete(
        &self,
        serial_number: SerialNumber,
        origin: Origin,
    ) -> Result<Option<StoredEnrollment>, RepositoryError> {
        let workspace = self.workspace;
        self.database
            .transact(move |connection| delete(connection, workspace, &serial_number, &origin))
            .await
    }
}

fn list(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    linked: Option<bool>,
    paging: PageRequest,
) -> QueryResult<Page<StoredEnrollment>> {
    let mut from = Statement::default();
    let own = from.bind(Value::Integer(workspace.0));
    from.push(&format!(
        " FROM devices_mdm WHERE devices_mdm.workspace_id = {own} AND devices_mdm.deleted_at IS NULL"
    ));
    if let Some(linked) = linked {
        let not = if linked { "" } else { "NOT " };
        from.push(&format!(
            " AND {not}EXISTS (SELECT FROM devices WHERE devices.workspace_id = {own} \
               AND devices.serial_number_folded = devices_mdm.serial_number_folded \
               AND devices.deleted_at IS NULL)"
        ));
    }
    let list = PagedQuery {
        from,
        id: "devices_mdm.id",
        rank: None,
    };
    let page = list.page(connection, paging)?;
    let rows = devices_mdm::table
        .filter(devices_mdm::workspace_id.eq(workspace.0))
        .filter(devices_mdm::id.eq_any(&page.items))
        .order(devices_mdm::id.desc())
        .select(EnrollmentRow::as_select())
        .load(connection)?;
    Ok(Page {
        items: complete(connection, workspace, rows)?,
        total: page.total,
        next: page.next,
    })
}
