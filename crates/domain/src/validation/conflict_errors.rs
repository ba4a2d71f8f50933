//! Errors for conflicts with stored data.

use std::borrow::Cow;

use super::error::{ErrorCode, FieldError, Reason, Related};
use super::external_refs::ExternalRefs;
use super::report::ErrorReport;
use crate::device::UniqueField;
use crate::ids::DeviceId;
use crate::ports::{Conflicts, DeviceLimitReached};

/// Adds the conflicts of a batch to a report. `refs` are those of its rows, in order.
pub(crate) fn add_batch_conflicts<'a>(
    report: &mut ErrorReport,
    refs: impl Iterator<Item = ExternalRefs<'a>>,
    conflicts: &Conflicts,
) {
    if let Some(reached) = conflicts.device_limit {
        report.add(None, device_limit_error(reached));
    }
    for (index, refs) in refs.enumerate() {
        add_row_conflicts(report, Some(index), refs, conflicts);
    }
}

/// Adds the conflicts of one row to a report. `index` is `None` for a single object.
pub(crate) fn add_row_conflicts(
    report: &mut ErrorReport,
    index: Option<usize>,
    refs: ExternalRefs<'_>,
    conflicts: &Conflicts,
) {
    if let Some(error) = user_id_error(refs, conflicts) {
        report.add(index, error);
    }
    if let Some(error) = user_email_error(refs, conflicts) {
        report.add(index, error);
    }
    for (field, value) in refs.unique.iter() {
        let existing = value.and_then(|value| conflicts.taken[field].get(value));
        if let Some(existing) = existing {
            report.add(index, taken_error(field, *existing));
        }
    }
}

/// Returns the report of the conflicts that prevent the restoration of a device.
pub(crate) fn restore_conflicts_report(conflicts: &Conflicts) -> ErrorReport {
    let Conflicts {
        taken,
        device_limit,
        // The device is restored without a deleted assignee, and has no email address of one.
        unknown_users: _,
        unknown_emails: _,
        mismatched_users: _,
    } = conflicts;
    let limit = device_limit.map(restore_limit_error);
    let taken = taken.iter().flat_map(|(field, devices)| {
        let devices = devices.values().copied();
        devices.map(move |device| taken_error(field, device))
    });
    ErrorReport::from_errors(limit.into_iter().chain(taken))
}

/// Returns the error of a row with the same value as the earlier row `first`.
pub(crate) fn duplicate_error(field: UniqueField, first: usize) -> FieldError {
    unique_field_error(
        field,
        Reason::Duplicate,
        format!("is the same as in row {first} of this batch"),
        Related::DuplicateOf(first),
    )
}

/// Returns the error of a device to restore with the same value as `first`, which the same change
/// restores.
pub(crate) fn restored_twice_error(field: UniqueField, first: DeviceId) -> FieldError {
    unique_field_error(
        field,
        Reason::Duplicate,
        format!("is the same as that of device {first}, which would be restored, too"),
        Related::ExistingDevice(first),
    )
}

fn taken_error(field: UniqueField, existing: DeviceId) -> FieldError {
    unique_field_error(
        field,
        Reason::AlreadyExists,
        format!("is taken by device {existing}"),
        Related::ExistingDevice(existing),
    )
}

fn unique_field_error(
    field: UniqueField,
    reason: Reason,
    detail: String,
    related: Related,
) -> FieldError {
    FieldError::new(field.name(), field.error_code(), reason, detail).with(related)
}

fn user_id_error(refs: ExternalRefs<'_>, conflicts: &Conflicts) -> Option<FieldError> {
    let user = refs.user?;
    conflicts.unknown_users.contains(&user).then(|| {
        user_error(
            "user_id",
            Reason::UnknownUser,
            format!("is not the id of a user of this workspace: {user}"),
        )
    })
}

fn user_email_error(refs: ExternalRefs<'_>, conflicts: &Conflicts) -> Option<FieldError> {
    let email = refs.user_email?.folded();
    if conflicts.unknown_emails.contains(email) {
        return Some(user_error(
            "user_email",
            Reason::UnknownUser,
            "is not the address of a user of this workspace",
        ));
    }
    let user = refs.user?;
    conflicts
        .mismatched_users
        .contains(&(email.to_owned(), user))
        .then(|| {
            user_error(
                "user_email",
                Reason::UserMismatch,
                format!("is the address of another user than `user_id` {user}: send one of them"),
            )
        })
}

/// Returns the error of a row whose new user exceeds the quota of users.
pub(crate) fn user_quota_error(quota: u64) -> FieldError {
    user_error(
        "user_email",
        Reason::UserQuota,
        format!(
            "is the address of a new user, but the workspace has its maximum of {quota} users: \
             delete users, or ask for a higher quota"
        ),
    )
}

fn user_error(
    field: &'static str,
    reason: Reason,
    detail: impl Into<Cow<'static, str>>,
) -> FieldError {
    FieldError::new(field, ErrorCode::InvalidUser, reason, detail)
}

/// Returns the error of a row beyond the device limit, which earlier rows have reached.
pub(crate) fn row_limit_error(reached: DeviceLimitReached) -> FieldError {
    let DeviceLimitReached { limit, held, added } = reached;
    let earlier = added - 1;
    FieldError::whole(
        ErrorCode::DeviceProvisioningFailed,
        Reason::DeviceLimit,
        format!(
            "would exceed the workspace's limit of {limit} devices: it has {held}, and earlier \
             rows add {earlier}; archive devices or ask for a higher limit"
        ),
    )
}

/// Returns the error of a device to restore that exceeds the device limit, together with the
/// devices that the same change restores before it.
pub(crate) fn restore_limit_error(reached: DeviceLimitReached) -> FieldError {
    let DeviceLimitReached { limit, held, added } = reached;
    let earlier = match added.saturating_sub(1) {
        0 => String::new(),
        earlier => format!(", and {earlier} would be restored before this one"),
    };
    provisioning_error(format!(
        "would exceed the workspace's limit of {limit} devices: it has {held}{earlier}; archive \
         other devices or ask for a higher limit"
    ))
}

pub(crate) fn device_limit_error(reached: DeviceLimitReached) -> FieldError {
    let DeviceLimitReached { limit, held, added } = reached;
    provisioning_error(format!(
        "would exceed the workspace's limit of {limit} devices: it has {held}, and the batch adds \
         {added}; archive devices or ask for a higher limit"
    ))
}

fn provisioning_error(detail: String) -> FieldError {
    let code = ErrorCode::DeviceProvisioningFailed;
    FieldError::new("devices", code, Reason::DeviceLimit, detail)
}
