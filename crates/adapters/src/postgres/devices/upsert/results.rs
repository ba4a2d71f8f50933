//! Results of the rows of a stored batch with options.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use devices_domain::{
    Assignee, Device, DeviceFields, DeviceId, Enrollment, NewDevice, PlannedRow, RowResult,
    StoredDevice, UniqueField, UpsertPlan, UserId, WorkspaceId,
};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;

use crate::postgres::{enrollments, users};

/// Objects that written devices are related to.
#[derive(Default)]
pub(super) struct Relations {
    assignees: HashMap<UserId, Assignee>,
    /// By folded serial number.
    enrollments: HashMap<String, Enrollment>,
}

impl Relations {
    /// Loads the users with these ids, and the enrolments of these folded serial numbers.
    pub(super) fn load<'s>(
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        assignees: &[UserId],
        serial_numbers: impl Iterator<Item = &'s str>,
    ) -> QueryResult<Self> {
        Ok(Self {
            enrollments: enrollments::newest(connection, workspace, serial_numbers)?,
            assignees: users::assignees(connection, workspace, assignees)?,
        })
    }

    fn assignee(&self, fields: &DeviceFields) -> Option<Assignee> {
        self.assignees.get(&fields.ownership.user_id?).cloned()
    }

    fn enrollment(&self, fields: &DeviceFields) -> Option<Enrollment> {
        let serial_number = UniqueField::SerialNumber.folded(fields)?;
        self.enrollments.get(serial_number).cloned()
    }

    fn created_device(
        &self,
        id: i64,
        device: &NewDevice,
        assignee: Option<UserId>,
        created_at: DateTime<Utc>,
    ) -> StoredDevice {
        let mut fields = device.fields.clone();
        fields.ownership.user_id = assignee;
        StoredDevice {
            assignee: self.assignee(&fields),
            device: Device {
                id: DeviceId(id),
                enrollment: self.enrollment(&fields),
                fields,
            },
            created_at,
            updated_at: created_at,
            archived_at: None,
        }
    }

    fn updated_device(
        &self,
        stored: &StoredDevice,
        fields: &DeviceFields,
        changed_at: DateTime<Utc>,
    ) -> StoredDevice {
        let serial_number = |fields| UniqueField::SerialNumber.folded(fields);
        let enrollment = if serial_number(fields) == serial_number(&stored.device.fields) {
            stored.device.enrollment.clone()
        } else {
            self.enrollment(fields)
        };
        StoredDevice {
            assignee: self.assignee(fields),
            created_at: stored.created_at,
            updated_at: changed_at,
            archived_at: None,
            device: Device {
                id: stored.device.id,
                enrollment,
                fields: fields.clone(),
            },
        }
    }
}

/// Returns the result of each row. `device_ids` has an id for each row that creates a device. The
/// times are those of the devices that are created, and of those that are changed, if any.
pub(super) fn results(
    plan: &UpsertPlan<'_>,
    device_ids: &[i64],
    relations: &Relations,
    (created_at, changed_at): (DateTime<Utc>, Option<DateTime<Utc>>),
) -> QueryResult<Vec<RowResult>> {
    let mut ids = device_ids.iter().copied();
    let rows = plan.rows.iter().map(|row| {
        Ok(match row {
            PlannedRow::Create { device, assignee } => {
                let id = ids.next().ok_or(DieselError::NotFound)?;
                let created = relations.created_device(id, device, *assignee, created_at);
                RowResult::Created(Arc::new(created))
            }
            PlannedRow::Update {
                stored,
                fields,
                changed_fields,
            } => {
                let changed_at = changed_at.ok_or(DieselError::NotFound)?;
                let updated = relations.updated_device(stored, fields, changed_at);
                RowResult::Updated(Arc::new(updated), changed_fields.clone())
            }
            PlannedRow::Unchanged(stored) => RowResult::Unchanged(Arc::clone(stored)),
            PlannedRow::Skip(stored) => RowResult::Skipped(Arc::clone(stored)),
            PlannedRow::Fail(errors) => RowResult::Failed(errors.clone()),
        })
    });
    rows.collect()
}
