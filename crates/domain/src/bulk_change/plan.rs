//! Decides what a change of many devices does with each of them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::{BulkAction, BulkChange, BulkPreview, RejectedDevice, RejectionReason};
use crate::device::{DeviceFields, PerUniqueField};
use crate::field::InvalidValue;
use crate::ids::{DeviceId, UserId};
use crate::ports::LookupResult;
use crate::validation::conflict_errors::{
    add_row_conflicts, restore_limit_error, restored_twice_error,
};
use crate::validation::external_refs::ExternalRefs;
use crate::validation::lookup_keys::LookupKeys;
use crate::validation::report::ErrorReport;

/// A device of the change that exists.
#[derive(Debug, Clone, Copy)]
pub struct SelectedDevice<'a> {
    /// Id.
    pub id: DeviceId,
    /// Stored fields.
    pub fields: &'a DeviceFields,
    /// `true` if the device is archived.
    pub is_archived: bool,
    /// Time of the last change.
    pub updated_at: DateTime<Utc>,
}

/// Decision about each device of a change. Each device is in one of the lists, in the order of the
/// change.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BulkPlan {
    /// Devices to change.
    pub changed: Vec<PlannedChange>,
    /// Devices that have the requested state already.
    pub unchanged: Vec<DeviceId>,
    /// Devices that cannot be changed.
    pub rejected: Vec<RejectedDevice>,
    /// Time of the last change of the devices in `changed`.
    pub last_changed_at: Option<DateTime<Utc>>,
}

/// Change of a device.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedChange {
    /// The device.
    pub device: DeviceId,
    /// Its fields after the change.
    pub fields: DeviceFields,
    /// Names of the fields that differ. An archived or restored device may have none.
    pub changed_fields: Vec<&'static str>,
}

impl BulkPlan {
    /// Returns the plan without the states of the devices.
    #[must_use]
    pub fn into_preview(self) -> BulkPreview {
        BulkPreview {
            changed: self.changed.iter().map(|change| change.device).collect(),
            unchanged: self.unchanged,
            rejected: self.rejected,
            last_changed_at: self.last_changed_at,
        }
    }
}

impl BulkChange {
    /// Returns the keys for looking up the conflicts of the change. `stored` are the devices that
    /// exist, in any order.
    #[must_use]
    pub fn lookup_keys(&self, stored: &[SelectedDevice<'_>]) -> LookupKeys {
        let archived = stored.iter().filter(|device| device.is_archived);
        let active = stored.iter().filter(|device| !device.is_archived);
        match &self.action {
            BulkAction::Assign(user) => {
                LookupKeys::from_refs(active.map(|device| assignee_ref(*user, device.fields)))
            }
            BulkAction::Restore => {
                let refs = archived.clone().map(|device| ExternalRefs {
                    user: device.fields.ownership.user_id,
                    ..unique_refs(device.fields)
                });
                LookupKeys {
                    added_devices: archived.count(),
                    ..LookupKeys::from_refs(refs)
                }
            }
            BulkAction::SetLifecycle(_)
            | BulkAction::AddTag(_)
            | BulkAction::RemoveTag(_)
            | BulkAction::Archive => LookupKeys::default(),
        }
    }

    /// Decides about each device, given the devices that exist, in any order, and the result of the
    /// look-up of the [keys](Self::lookup_keys).
    ///
    /// - Archiving an archived device and restoring an active one changes nothing, so that a change
    ///   can be repeated. Any other change of an archived device is rejected.
    /// - If devices to restore have the same value of a unique field, the first one is restored.
    /// - A device that exceeds the device limit together with those before it is rejected.
    /// - A device that has the requested state may have been changed since.
    #[must_use]
    pub fn plan(&self, stored: &[SelectedDevice<'_>], found: &LookupResult) -> BulkPlan {
        let stored: HashMap<DeviceId, &SelectedDevice<'_>> =
            stored.iter().map(|device| (device.id, device)).collect();
        let mut planner = Planner {
            action: &self.action,
            found,
            restored: RestoredDevices::default(),
        };
        let mut plan = BulkPlan::default();
        for &id in &self.devices {
            let device = stored.get(&id).copied();
            let decision = match device {
                Some(device) => planner.decide(device),
                None => Err(RejectionReason::NotFound),
            };
            let updated_at = device.map(|device| device.updated_at);
            match decision {
                Ok(Some(_))
                    if self.unchanged_since.is_some() && updated_at > self.unchanged_since =>
                {
                    let reason = RejectionReason::ChangedSince;
                    plan.rejected.push(RejectedDevice { device: id, reason });
                }
                Ok(Some(change)) => {
                    plan.changed.push(change);
                    plan.last_changed_at = plan.last_changed_at.max(updated_at);
                }
                Ok(None) => plan.unchanged.push(id),
                Err(reason) => plan.rejected.push(RejectedDevice { device: id, reason }),
            }
        }
        plan
    }
}

/// Decision about a device: its change, or `None` if it has the requested state already.
type Decision = Result<Option<PlannedChange>, RejectionReason>;

/// Plans the devices of a change, in order.
struct Planner<'a> {
    action: &'a BulkAction,
    found: &'a LookupResult,
    restored: RestoredDevices<'a>,
}

/// Devices to restore that were planned so far.
#[derive(Default)]
struct RestoredDevices<'a> {
    count: usize,
    /// First device with each value of a unique field.
    values: PerUniqueField<HashMap<&'a str, DeviceId>>,
}

impl<'a> Planner<'a> {
    fn decide(&mut self, device: &SelectedDevice<'a>) -> Decision {
        match self.action {
            BulkAction::Archive if device.is_archived => Ok(None),
            BulkAction::Archive => Ok(Some(change(device, device.fields.clone()))),
            BulkAction::Restore if device.is_archived => self.restore(device).map(Some),
            BulkAction::Restore => Ok(None),
            BulkAction::Assign(_)
            | BulkAction::SetLifecycle(_)
            | BulkAction::AddTag(_)
            | BulkAction::RemoveTag(_) => self.update(device),
        }
    }

    /// Decides about a change of a field, by the rules of a patch of the device.
    fn update(&self, device: &SelectedDevice<'_>) -> Decision {
        if device.is_archived {
            return Err(RejectionReason::Archived);
        }
        let mut report = ErrorReport::default();
        let mut after = device.fields.clone();
        let applied = self.action.apply(&mut after);
        report.extend(applied.err().map(|invalid| invalid.at("tags", None)));
        report.extend(after.consistency_errors());
        if let BulkAction::Assign(user) = self.action {
            let refs = assignee_ref(*user, device.fields);
            add_row_conflicts(&mut report, None, refs, &self.found.conflicts);
        }
        if !report.is_empty() {
            return Err(RejectionReason::Invalid(report.into_field_errors()));
        }
        let change = change(device, after);
        Ok((!change.changed_fields.is_empty()).then_some(change))
    }

    fn restore(&mut self, device: &SelectedDevice<'a>) -> Result<PlannedChange, RejectionReason> {
        let mut report = ErrorReport::default();
        let limit_reached = self.found.device_limit_reached(self.restored.count + 1);
        report.extend(limit_reached.map(restore_limit_error));
        let refs = unique_refs(device.fields);
        add_row_conflicts(&mut report, None, refs, &self.found.conflicts);
        for (field, value) in refs.unique.iter() {
            let first = value.and_then(|value| self.restored.values[field].get(value));
            report.extend(first.map(|first| restored_twice_error(field, *first)));
        }
        if !report.is_empty() {
            return Err(RejectionReason::Invalid(report.into_field_errors()));
        }
        self.restored.count += 1;
        for (field, value) in refs.unique.iter() {
            let value = value.map(|value| (value, device.id));
            self.restored.values[field].extend(value);
        }
        let mut fields = device.fields.clone();
        let unknown_users = &self.found.conflicts.unknown_users;
        let assignee = fields.ownership.user_id;
        fields.ownership.user_id = assignee.filter(|user| !unknown_users.contains(user));
        Ok(change(device, fields))
    }
}

impl BulkAction {
    /// Applies a change of a field.
    fn apply(&self, fields: &mut DeviceFields) -> Result<(), InvalidValue> {
        match self {
            Self::Assign(user) => fields.ownership.user_id = *user,
            Self::SetLifecycle(lifecycle) => fields.ownership.lifecycle = *lifecycle,
            Self::AddTag(tag) => fields.inventory.tags = fields.inventory.tags.with(tag.item())?,
            Self::RemoveTag(tag) => {
                fields.inventory.tags = fields.inventory.tags.without(tag.item());
            }
            Self::Archive | Self::Restore => {}
        }
        Ok(())
    }
}

fn change(device: &SelectedDevice<'_>, fields: DeviceFields) -> PlannedChange {
    PlannedChange {
        device: device.id,
        changed_fields: device.fields.changed_field_names(&fields),
        fields,
    }
}

/// Returns the reference to a new assignee. A user that the device has already is none.
fn assignee_ref(user: Option<UserId>, stored: &DeviceFields) -> ExternalRefs<'static> {
    let refs = ExternalRefs {
        user,
        ..ExternalRefs::default()
    };
    refs.changed_from(stored)
}

fn unique_refs(fields: &DeviceFields) -> ExternalRefs<'_> {
    ExternalRefs {
        unique: PerUniqueField::from_fn(|field| field.folded(fields)),
        ..ExternalRefs::default()
    }
}
