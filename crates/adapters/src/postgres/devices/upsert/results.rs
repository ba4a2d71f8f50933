//! Results of the rows of a stored batch with options.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use devices_domain::{
    Assignee, Device, DeviceFields, DeviceId, Enrollment, NewDevice, PlannedRow, RowDevice,
    RowResult, StoredDevice, UniqueField, UpsertPlan, UserId, WorkspaceId,
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

/// Ids, times and relations of the devices that a plan stored.
pub(super) struct StoredRows<'w> {
    /// An id for each row that creates a device.
    pub(super) device_ids: &'w [i64],
    /// Times of creation, and of the changes, if there are any.
    pub(super) created_at: DateTime<Utc>,
    pub(super) changed_at: Option<DateTime<Utc>>,
    pub(super) relations: &'w Relations,
    /// `false` if the results contain ids only.
    pub(super) returns_devices: bool,
}

impl StoredRows<'_> {
    /// Returns the result of each row.
    pub(super) fn results(&self, plan: &UpsertPlan<'_>) -> QueryResult<Vec<RowResult>> {
        let mut ids = self.device_ids.iter().copied();
        let rows = plan.rows.iter().map(|row| {
            Ok(match row {
                PlannedRow::Create { device, assignee } => {
                    let id = ids.next().ok_or(DieselError::NotFound)?;
                    RowResult::Created(self.created(id, device, *assignee))
                }
                PlannedRow::Update {
                    stored,
                    fields,
                    changed_fields,
                } => RowResult::Updated(self.updated(stored, fields)?, changed_fields.clone()),
                PlannedRow::Unchanged(stored) => RowResult::Unchanged(self.matched(stored)),
                PlannedRow::Skip(stored) => RowResult::Skipped(self.matched(stored)),
                PlannedRow::Fail(errors) => RowResult::Failed(errors.clone()),
            })
        });
        rows.collect()
    }

    fn created(&self, id: i64, device: &NewDevice, assignee: Option<UserId>) -> RowDevice {
        if !self.returns_devices {
            return RowDevice::Id(DeviceId(id));
        }
        let (relations, created_at) = (self.relations, self.created_at);
        let created = relations.created_device(id, device, assignee, created_at);
        RowDevice::Stored(Arc::new(created))
    }

    fn updated(&self, stored: &StoredDevice, fields: &DeviceFields) -> QueryResult<RowDevice> {
        if !self.returns_devices {
            return Ok(RowDevice::Id(stored.device.id));
        }
        let changed_at = self.changed_at.ok_or(DieselError::NotFound)?;
        let updated = self.relations.updated_device(stored, fields, changed_at);
        Ok(RowDevice::Stored(Arc::new(updated)))
    }

    fn matched(&self, stored: &Arc<StoredDevice>) -> RowDevice {
        if self.returns_devices {
            RowDevice::Stored(Arc::clone(stored))
        } else {
            RowDevice::Id(stored.device.id)
        }
    }
}
