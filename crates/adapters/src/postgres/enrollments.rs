//! Enrolments in device management.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use devices_domain::{Enrollment, EnrollmentId, EnrollmentStatus, WorkspaceId};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};

use crate::schema::devices_mdm;

#[derive(QueryableByName)]
#[diesel(table_name = devices_mdm)]
struct EnrollmentRow {
    device_id: Option<i64>,
    id: i64,
    status: String,
    local_name: Option<String>,
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

impl TryFrom<EnrollmentRow> for Enrollment {
    type Error = diesel::result::Error;

    fn try_from(row: EnrollmentRow) -> Result<Self, Self::Error> {
        let status = EnrollmentStatus::ALL
            .into_iter()
            .find(|status| status.as_str() == row.status)
            .ok_or_else(|| {
                diesel::result::Error::DeserializationError("unknown enrolment status".into())
            })?;
        Ok(Self {
            id: EnrollmentId(row.id),
            status,
            local_name: row.local_name,
            is_locked: row.is_locked,
            lock_date: row.lock_date,
            firewall_enabled: row.firewall_enabled,
            os_updates_enabled: row.os_updates_enabled,
            is_encrypted: row.is_encrypted,
            screenlock_enabled: row.screenlock_enabled,
            is_compromised: row.is_compromised,
            os_updates_available: row.os_updates_available,
            disk_encryption_profile_installed: row.disk_encryption_profile_installed,
            enrollment_date: row.enrollment_date,
            unenrollment_date: row.unenrollment_date,
            download_date: row.download_date,
            last_seen_date: row.last_seen_date,
            last_sync_date: row.last_sync_date,
        })
    }
}

/// Links each device, given with its folded serial number, to the newest enrolment of that number
/// that is neither deleted nor a draft. Returns the enrolments by device.
pub(super) fn link<'a>(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    devices: impl Iterator<Item = (&'a str, i64)>,
) -> QueryResult<HashMap<i64, Enrollment>> {
    let (serial_numbers, ids): (Vec<&str>, Vec<i64>) = devices.unzip();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let linked: Vec<EnrollmentRow> = diesel::sql_query(
        "UPDATE devices_mdm SET device_id = created.new_device_id \
         FROM unnest($2, $3) AS created (serial_number_folded, new_device_id) \
         CROSS JOIN LATERAL ( \
             SELECT candidate.id FROM devices_mdm AS candidate \
             WHERE candidate.workspace_id = $1 \
               AND candidate.serial_number_folded = created.serial_number_folded \
               AND candidate.deleted_at IS NULL \
               AND candidate.status <> 'DRAFT' \
             ORDER BY candidate.created_at DESC, candidate.id DESC \
             LIMIT 1 \
         ) AS newest \
         WHERE devices_mdm.workspace_id = $1 AND devices_mdm.id = newest.id \
         RETURNING devices_mdm.*",
    )
    .bind::<BigInt, _>(workspace.0)
    .bind::<Array<Text>, _>(serial_numbers)
    .bind::<Array<BigInt>, _>(ids)
    .load(connection)?;
    linked
        .into_iter()
        .filter_map(|row| Some((row.device_id?, row)))
        .map(|(device, row)| Ok((device, row.try_into()?)))
        .collect()
}
