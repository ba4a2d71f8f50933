//! Plans of changes of many devices.

use std::collections::{BTreeSet, HashMap};

use chrono::TimeDelta;
use rstest::rstest;

use super::*;
use crate::device::{DeviceFields, Lifecycle, NewDevice, PerUniqueField, UniqueField};
use crate::field::{RawRow, RawValue, TextList};
use crate::ids::{KeyId, UserId};
use crate::ports::{Conflicts, DeviceLimit, LookupResult};
use crate::validation::error::Reason;

fn change(devices: &[i64], action: BulkAction) -> Result<BulkChange, FieldError> {
    let origin = Origin {
        key: KeyId(1),
        request_id: "r1".to_owned(),
        client_request_id: None,
        interface: crate::Interface::Api,
    };
    BulkChange::new(devices.iter().copied().map(DeviceId), action, origin)
}

fn tag(text: &str) -> Tag {
    Tag::parse(text).unwrap()
}

fn fields(serial_number: &str, user: Option<i64>, tags: &[&str]) -> DeviceFields {
    let mut row = RawRow::for_device();
    for name in ["name", "type", "category"] {
        row.set(name, RawValue::text("x"));
    }
    row.set("serial_number", RawValue::text(serial_number));
    let mut fields = NewDevice::from_row(&row).unwrap().fields;
    fields.ownership.user_id = user.map(UserId);
    fields.inventory.tags = TextList::from_trusted(tags);
    fields
}

/// Two active and three archived devices. The user 4 of the archived ones has been deleted.
fn devices() -> Vec<(DeviceFields, bool)> {
    let full: Vec<String> = (0..TextList::MAX_ITEMS).map(|n| format!("t{n}")).collect();
    let full: Vec<&str> = full.iter().map(String::as_str).collect();
    let mut in_maintenance = fields("S2", Some(3), &full);
    in_maintenance.ownership.lifecycle = Some(Lifecycle::InMaintenance);
    vec![
        (fields("S1", None, &["loan"]), false),
        (in_maintenance, false),
        (fields("S3", Some(3), &[]), true),
        (fields("s3", None, &[]), true),
        (fields("S5", Some(4), &[]), true),
    ]
}

fn found() -> LookupResult {
    LookupResult {
        conflicts: Conflicts {
            unknown_users: BTreeSet::from([UserId(4)]),
            ..Conflicts::default()
        },
        ..LookupResult::default()
    }
}

/// Time in seconds since 1970.
fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

/// Plans a change of the devices 1 to 5 and of device 9, which does not exist. Returns the changed
/// fields, or the reason of the decision, by device.
fn plan(action: BulkAction, found: &LookupResult) -> Vec<(i64, String)> {
    let change = change(&[1, 2, 3, 4, 5, 9], action).unwrap();
    decisions(&plan_change(&change, found))
}

/// Plans a change. Each of the devices 1 to 5 was changed at its id.
fn plan_change(change: &BulkChange, found: &LookupResult) -> BulkPlan {
    let stored = devices();
    let stored = stored.iter().zip(1..);
    let stored: Vec<SelectedDevice<'_>> = stored
        .map(|((fields, is_archived), id)| SelectedDevice {
            id: DeviceId(id),
            fields,
            is_archived: *is_archived,
            updated_at: at(id),
        })
        .collect();
    change.plan(&stored, found)
}

fn decisions(plan: &BulkPlan) -> Vec<(i64, String)> {
    let changed = plan.changed.iter().map(|changed| {
        let fields = changed.changed_fields.join(",");
        (changed.device.0, format!("change {fields}"))
    });
    let unchanged = plan.unchanged.iter();
    let unchanged = unchanged.map(|device| (device.0, "unchanged".to_owned()));
    let rejected = plan.rejected.iter();
    let rejected = rejected.map(|device| (device.device.0, reason(&device.reason)));
    let mut decisions: Vec<_> = changed.chain(unchanged).chain(rejected).collect();
    decisions.sort_unstable();
    decisions
}

fn reason(reason: &RejectionReason) -> String {
    match reason {
        RejectionReason::NotFound => "not found".to_owned(),
        RejectionReason::Archived => "archived".to_owned(),
        RejectionReason::ChangedSince => "changed since".to_owned(),
        RejectionReason::Invalid(errors) => {
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            errors.join("; ")
        }
    }
}

#[rstest]
#[case::assign(BulkAction::Assign(Some(UserId(3))), ["change user_id", "unchanged"])]
#[case::unassign(BulkAction::Assign(None), ["unchanged", "change user_id"])]
#[case::unknown_user(
    BulkAction::Assign(Some(UserId(4))),
    ["`user_id` is not the id of a user of this workspace: 4"; 2]
)]
#[case::set_lifecycle(
    BulkAction::SetLifecycle(Some(Lifecycle::InMaintenance)),
    ["change lifecycle", "unchanged"]
)]
#[case::clear_lifecycle(BulkAction::SetLifecycle(None), ["unchanged", "change lifecycle"])]
#[case::add_tag(
    BulkAction::AddTag(tag(" spare ")),
    ["change tags", "`tags` must have at most 50 items"]
)]
#[case::add_present_tag(BulkAction::AddTag(tag("t7")), ["change tags", "unchanged"])]
#[case::remove_tag(BulkAction::RemoveTag(tag("loan")), ["change tags", "unchanged"])]
fn field_of_active_devices_is_changed(#[case] action: BulkAction, #[case] active: [&str; 2]) {
    let [first, second] = active;
    let archived = "archived";
    let expected = [first, second, archived, archived, archived, "not found"];
    let expected = [1, 2, 3, 4, 5, 9].into_iter().zip(expected);
    let expected: Vec<(i64, String)> = expected.map(|(id, text)| (id, text.into())).collect();
    assert_eq!(plan(action, &found()), expected);
}

#[test]
fn archive_keeps_archived_devices() {
    let decisions = plan(BulkAction::Archive, &LookupResult::default());
    let texts: Vec<&str> = decisions.iter().map(|(_, text)| text.as_str()).collect();
    let unchanged = "unchanged";
    assert_eq!(
        texts,
        [
            "change ",
            "change ",
            unchanged,
            unchanged,
            unchanged,
            "not found"
        ]
    );
}

/// The first of two devices with the same serial number is restored. A deleted assignee is removed.
#[test]
fn restore_keeps_active_devices() {
    let decisions = plan(BulkAction::Restore, &found());
    let texts: Vec<&str> = decisions.iter().map(|(_, text)| text.as_str()).collect();
    let expected = [
        "unchanged",
        "unchanged",
        "change ",
        "`serial_number` is the same as that of device 3, which would be restored, too",
        "change user_id",
        "not found",
    ];
    assert_eq!(texts, expected);
}

#[test]
fn restore_reports_every_conflict() {
    let taken = HashMap::from([("S3".to_owned(), DeviceId(7))]);
    let mut found = found();
    found.conflicts.taken = PerUniqueField::of(UniqueField::SerialNumber, taken);
    found.device_limit = Some(DeviceLimit { limit: 3, held: 2 });
    let decisions = plan(BulkAction::Restore, &found);
    let taken = "`serial_number` is taken by device 7";
    let expected = [taken, taken, "change user_id"];
    assert_eq!([2, 3, 4].map(|index| &decisions[index].1), expected);

    found.device_limit = Some(DeviceLimit { limit: 3, held: 3 });
    let decisions = plan(BulkAction::Restore, &found);
    let error = |limit: u64, earlier: &str| {
        format!(
            "`devices` would exceed the workspace's limit of {limit} devices: it has \
             3{earlier}; archive other devices or ask for a higher limit"
        )
    };
    assert_eq!(decisions[2].1, format!("{}; {taken}", error(3, "")));
    assert_eq!(decisions[4].1, error(3, ""));

    found.conflicts.taken = PerUniqueField::default();
    found.device_limit = Some(DeviceLimit { limit: 4, held: 3 });
    let decisions = plan(BulkAction::Restore, &found);
    assert_eq!(decisions[2].1, "change ");
    let earlier = ", and 1 would be restored before this one";
    assert_eq!(decisions[4].1, error(4, earlier));
}

#[test]
fn only_new_references_are_looked_up() {
    let stored = devices();
    let selected = |ids: &[usize]| -> Vec<SelectedDevice<'_>> {
        let selected = ids.iter().map(|&index| SelectedDevice {
            id: DeviceId(index as i64 + 1),
            fields: &stored[index].0,
            is_archived: stored[index].1,
            updated_at: at(0),
        });
        selected.collect()
    };
    let keys = |action: BulkAction, ids: &[usize]| {
        let change = change(&[1], action).unwrap();
        change.lookup_keys(&selected(ids))
    };
    let assign = BulkAction::Assign(Some(UserId(3)));
    assert!(keys(assign.clone(), &[1, 2]).is_empty());
    assert_eq!(keys(assign, &[0, 1]).users, [UserId(3)]);
    assert!(keys(BulkAction::Archive, &[0, 1]).is_empty());
    let restored = keys(BulkAction::Restore, &[0, 2, 3, 4]);
    assert_eq!(restored.added_devices, 3);
    assert_eq!(restored.users, [UserId(3), UserId(4)]);
    assert_eq!(restored.unique[UniqueField::SerialNumber], ["S3", "S5"]);
}

#[test]
fn number_of_devices_is_limited() {
    let ids: Vec<i64> = (1..=1_001).collect();
    let reason_of = |ids: &[i64]| change(ids, BulkAction::Archive).unwrap_err().reason;
    assert_eq!(reason_of(&[]), Reason::EmptyBatch);
    assert_eq!(reason_of(&ids), Reason::TooManyDevices);
    assert!(change(&ids[1..], BulkAction::Archive).is_ok());
    let repeated = change(&[5, 3, 5], BulkAction::Archive).unwrap();
    assert_eq!(repeated.devices(), [DeviceId(5), DeviceId(3)]);
}

#[test]
fn tag_is_validated_like_an_item_of_tags() {
    assert_eq!(tag("  spare\t").as_str(), "spare");
    for (text, reason) in [
        (" ", Reason::EmptyItem),
        (&*"x".repeat(101), Reason::TooLong),
        ("a\nb", Reason::ControlCharacter),
    ] {
        let error = Tag::parse(text).unwrap_err();
        assert_eq!(
            (error.field.as_deref(), error.reason),
            (Some("tags"), reason)
        );
    }
}

#[test]
fn inverse_undoes_an_action() {
    let add = BulkAction::AddTag(tag("a"));
    for action in [BulkAction::Archive, BulkAction::Restore, add] {
        let inverse = action.inverse().unwrap();
        assert_ne!(inverse, action);
        assert_eq!(inverse.inverse(), Some(action));
    }
    assert_eq!(BulkAction::Assign(None).inverse(), None);
}

#[test]
fn changed_devices_are_rejected_unless_they_have_the_state() {
    let assign = change(&[1, 2], BulkAction::Assign(Some(UserId(3)))).unwrap();
    let plan = |since| plan_change(&assign.clone().if_unchanged_since(at(since)), &found());
    let unchanged = (2, "unchanged".to_owned());
    let current = plan(1);
    let changed = (1, "change user_id".to_owned());
    assert_eq!(decisions(&current), [changed, unchanged.clone()]);
    assert_eq!(current.last_changed_at, Some(at(1)));
    let rejected = (1, "changed since".to_owned());
    assert_eq!(decisions(&plan(0)), [rejected, unchanged]);
}

#[test]
fn plan_has_the_time_of_the_last_change() {
    let plan = |action| plan_change(&change(&[2, 1, 3], action).unwrap(), &found());
    let archive = plan(BulkAction::Archive);
    assert_eq!(archive.last_changed_at, Some(at(2)));
    let restore = plan(BulkAction::Restore).into_preview();
    assert_eq!(restore.last_changed_at, Some(at(3)));
}
