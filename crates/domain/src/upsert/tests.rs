//! Plans of batches.

use std::collections::{BTreeSet, HashMap};

use chrono::DateTime;

use super::*;
use crate::device::{Device, NewDevice, PerUniqueField, StoredDevice, UniqueField};
use crate::field::{RawRow, RawValue, RowRef};
use crate::ids::{DeviceId, UserId};
use crate::ports::{Conflicts, DeviceLimit, LookupResult, UserQuota};
use crate::validation::batch::BatchRules;
use crate::validation::report::ErrorReport;

const UPDATE: BatchOptions = BatchOptions {
    on_conflict: OnConflict::Update,
    is_atomic: false,
    nulls: Nulls::Keep,
    match_field: UniqueField::SerialNumber,
    unknown_users: UnknownUsers::Error,
};

fn row(fields: &[(&'static str, &'static str)]) -> RawRow<'static> {
    let mut row = RawRow::for_device().with_row_ref();
    for (name, text) in fields {
        row.set(*name, RawValue::text(*text));
    }
    row
}

fn complete(serial_number: &'static str) -> RawRow<'static> {
    let required = ["name", "type", "category"].map(|name| (name, "x"));
    let mut row = row(&required);
    row.set("serial_number", RawValue::text(serial_number));
    row
}

fn batch(options: BatchOptions, rows: &[RawRow<'static>]) -> UpsertBatch {
    let mut batch = UpsertBatch::new(BatchRules::default(), options);
    for row in rows {
        batch.push(row);
    }
    batch
}

/// Returns the matches of a stored device with the id 7 and this serial number.
fn stored(serial_number: &'static str) -> StoredMatches {
    let at = DateTime::from_timestamp_micros(0).unwrap();
    let device = StoredDevice {
        device: Device {
            id: DeviceId(7),
            fields: NewDevice::from_row(&complete(serial_number))
                .unwrap()
                .fields,
            enrollment: None,
        },
        assignee: None,
        created_at: at,
        updated_at: at,
        archived_at: None,
    };
    StoredMatches::new(UniqueField::SerialNumber, vec![device])
}

fn words(plan: &UpsertPlan<'_>) -> Vec<String> {
    let rows = plan.rows.iter().map(|row| match row {
        PlannedRow::Create { .. } => "create".to_owned(),
        PlannedRow::Update { changed_fields, .. } => format!("update {}", changed_fields.join(",")),
        PlannedRow::Unchanged(_) => "unchanged".to_owned(),
        PlannedRow::Skip(_) => "skip".to_owned(),
        PlannedRow::Fail(errors) => {
            let reasons = errors.iter().map(|error| error.reason.as_str());
            format!("fail {}", reasons.collect::<Vec<_>>().join(","))
        }
    });
    rows.collect()
}

fn plan(options: BatchOptions, rows: &[RawRow<'static>], found: &LookupResult) -> Vec<String> {
    let (batch, matches) = (batch(options, rows), stored("S1"));
    words(&batch.plan(&matches, found).unwrap())
}

#[test]
fn rows_are_planned_by_their_match() {
    let rows = [
        complete("S2"),
        row(&[("serial_number", "s1"), ("brand", "Dell")]),
        row(&[("serial_number", "S3")]),
        row(&[("brand", "Dell")]),
    ];
    let found = LookupResult::default();
    assert_eq!(
        plan(UPDATE, &rows, &found),
        [
            "create",
            "update brand",
            "fail required,required,required",
            "fail required,required,required,no_match_key",
        ]
    );
    let skip = BatchOptions {
        on_conflict: OnConflict::Skip,
        ..UPDATE
    };
    assert_eq!(plan(skip, &rows, &found)[1], "skip");
}

#[test]
fn first_valid_row_of_a_value_is_kept() {
    let mut invalid = complete("S5");
    invalid.set("ram", RawValue::Integer(16));
    let rows = [invalid, complete("S5"), complete("s5"), complete("S6")];
    assert_eq!(
        plan(UPDATE, &rows, &LookupResult::default()),
        ["fail wrong_type", "create", "fail duplicate", "create"]
    );
}

#[test]
fn atomic_batch_reports_every_row() {
    let mut invalid = complete("S5");
    invalid.set("row_ref", RawValue::text("A-17"));
    invalid.set("ram", RawValue::Integer(16));
    let options = BatchOptions {
        is_atomic: true,
        ..UPDATE
    };
    let batch = batch(options, &[invalid, complete("S5")]);
    let matches = stored("S1");
    let report: ErrorReport = batch.plan(&matches, &LookupResult::default()).unwrap_err();
    let errors: Vec<_> = report.entries().iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "row 0: `ram` must be a string, not a number",
            "row 1: `serial_number` is the same as in row 0 of this batch",
        ]
    );
    let row_refs = report.entries().iter().map(|entry| entry.row_ref.as_ref());
    let row_refs: Vec<_> = row_refs
        .map(|row_ref| row_ref.map(RowRef::as_str))
        .collect();
    assert_eq!(row_refs, [Some("A-17"), None]);
}

#[test]
fn created_rows_take_the_remaining_places() {
    let found = LookupResult {
        device_limit: Some(DeviceLimit { limit: 3, held: 2 }),
        ..LookupResult::default()
    };
    let change = row(&[("serial_number", "S1"), ("brand", "Dell")]);
    let rows = [complete("S2"), complete("S3"), change];
    assert_eq!(
        plan(UPDATE, &rows, &found),
        ["create", "fail device_limit", "update brand"]
    );
}

#[test]
fn conflicts_concern_the_row_that_has_them() {
    let mut assigned = complete("S2");
    assigned.set("user_id", RawValue::Integer(9));
    let tagged = row(&[("serial_number", "S1"), ("asset_tag", "T1")]);
    let rows = [assigned, tagged];
    let taken = HashMap::from([("T1".to_owned(), DeviceId(8))]);
    let found = LookupResult {
        conflicts: Conflicts {
            unknown_users: BTreeSet::from([UserId(9)]),
            taken: PerUniqueField::of(UniqueField::AssetTag, taken),
            ..Conflicts::default()
        },
        ..LookupResult::default()
    };
    assert_eq!(
        plan(UPDATE, &rows, &found),
        ["fail unknown_user", "fail already_exists"]
    );
    let batch = batch(UPDATE, &rows);
    let keys = batch.lookup_keys(&stored("S1"));
    // The unique index finds values of the match field.
    assert!(keys.unique[UniqueField::SerialNumber].is_empty());
    assert_eq!(keys.unique[UniqueField::AssetTag], ["T1"]);
    assert_eq!((keys.users, keys.added_devices), (vec![UserId(9)], 1));
}

#[test]
fn skipped_row_uses_only_its_match_field() {
    let mut tagged = complete("S2");
    tagged.set("asset_tag", RawValue::text("T1"));
    let rows = [
        row(&[("serial_number", "S1"), ("asset_tag", "T1")]),
        tagged,
        row(&[("serial_number", "s1")]),
    ];
    let skip = BatchOptions {
        on_conflict: OnConflict::Skip,
        ..UPDATE
    };
    assert_eq!(
        plan(skip, &rows, &LookupResult::default()),
        ["skip", "create", "fail duplicate"]
    );
}

#[test]
fn listed_errors_are_bounded() {
    let mut unknown = row(&[("serial_number", "S1")]);
    for number in 0..500 {
        unknown.set(format!("unknown {number}"), RawValue::Null);
    }
    let rows = vec![unknown; 100];
    let (batch, matches) = (batch(UPDATE, &rows), stored("S1"));
    let plan = batch.plan(&matches, &LookupResult::default()).unwrap();
    let listed = plan.rows.iter().map(|row| match row {
        PlannedRow::Fail(errors) => errors.len(),
        other => panic!("unexpected plan: {other:?}"),
    });
    let listed: Vec<usize> = listed.collect();
    assert_eq!((listed[0], listed[99]), (100, 1));
    assert!(listed.iter().sum::<usize>() < 2 * BatchRules::default().max_errors);
}

/// Returns a look-up in which the user 9 and these addresses are unknown, and Grace is the user 4.
fn unknown_users(emails: &[&str]) -> LookupResult {
    LookupResult {
        conflicts: Conflicts {
            unknown_users: BTreeSet::from([UserId(9)]),
            unknown_emails: emails.iter().map(|email| (*email).to_owned()).collect(),
            ..Conflicts::default()
        },
        users_by_email: HashMap::from([("grace@example.com".to_owned(), UserId(4))]),
        ..LookupResult::default()
    }
}

fn with_users(unknown_users: UnknownUsers) -> BatchOptions {
    BatchOptions {
        unknown_users,
        ..UPDATE
    }
}

fn assigned(serial_number: &'static str, email: &'static str) -> RawRow<'static> {
    let mut row = complete(serial_number);
    row.set("user_email", RawValue::text(email));
    row
}

/// Returns the assignee of each row that is to be written.
fn assignees(plan: &UpsertPlan<'_>) -> Vec<Option<i64>> {
    let assignees = plan.rows.iter().filter_map(|row| match row {
        PlannedRow::Create { assignee, .. } => Some(*assignee),
        PlannedRow::Update { fields, .. } => Some(fields.ownership.user_id),
        PlannedRow::Unchanged(_) | PlannedRow::Skip(_) | PlannedRow::Fail(_) => None,
    });
    assignees.map(|user| user.map(|user| user.0)).collect()
}

#[test]
fn unknown_users_of_stored_rows_are_created_once() {
    let mut invalid = assigned("S3", "bob@example.com");
    invalid.set("ram", RawValue::Integer(16));
    let rows = [
        invalid,
        assigned("S1", "Ada@Example.com"),
        assigned("S2", "grace@example.com"),
        assigned("S4", "ada@example.com"),
        assigned("S5", "eve@example.com"),
    ];
    let (batch, matches) = (batch(with_users(UnknownUsers::Create), &rows), stored("S1"));
    let found = unknown_users(&["ada@example.com", "bob@example.com", "eve@example.com"]);
    let mut plan = batch.plan(&matches, &found).unwrap();
    let emails: Vec<_> = plan.new_users.iter().map(|email| email.as_str()).collect();
    assert_eq!(emails, ["Ada@Example.com", "eve@example.com"]);
    plan.set_user_ids(&[UserId(21), UserId(22)]);
    assert_eq!(assignees(&plan), [Some(21), Some(4), Some(21), Some(22)]);
    assert_eq!(words(&plan)[..2], ["fail wrong_type", "update user_id"]);
}

#[test]
fn unknown_user_id_is_never_created() {
    let mut both = assigned("S2", "ada@example.com");
    both.set("user_id", RawValue::Integer(9));
    let mut id = complete("S3");
    id.set("user_id", RawValue::Integer(9));
    let found = unknown_users(&["ada@example.com"]);
    assert_eq!(
        plan(with_users(UnknownUsers::Create), &[both, id], &found),
        ["fail unknown_user,unknown_user", "fail unknown_user"]
    );
}

#[test]
fn unknown_users_are_left_out() {
    let mut id = complete("S3");
    id.set("user_id", RawValue::Integer(9));
    let mut known_id = assigned("S4", "ada@example.com");
    known_id.set("user_id", RawValue::Integer(5));
    let mut known_email = assigned("S5", "grace@example.com");
    known_email.set("user_id", RawValue::Integer(9));
    let rows = [
        assigned("S1", "ada@example.com"),
        assigned("S2", "ada@example.com"),
        id,
        known_id,
        known_email,
    ];
    let options = with_users(UnknownUsers::LeaveOut);
    let (batch, matches) = (batch(options, &rows), stored("S1"));
    let found = unknown_users(&["ada@example.com"]);
    let plan = batch.plan(&matches, &found).unwrap();
    assert_eq!(words(&plan)[0], "unchanged");
    assert_eq!(assignees(&plan), [None, None, Some(5), Some(4)]);
    assert!(plan.new_users.is_empty());
}

#[test]
fn new_users_beyond_the_quota_fail() {
    let found = LookupResult {
        user_quota: Some(UserQuota { max: 8, held: 7 }),
        ..unknown_users(&["ada@example.com", "eve@example.com"])
    };
    let rows = [
        assigned("S2", "ada@example.com"),
        assigned("S3", "eve@example.com"),
        assigned("S4", "ada@example.com"),
    ];
    let options = with_users(UnknownUsers::Create);
    assert_eq!(
        plan(options, &rows, &found),
        ["create", "fail user_quota", "create"]
    );
    let atomic = batch(
        BatchOptions {
            is_atomic: true,
            ..options
        },
        &rows,
    );
    let matches = stored("S1");
    let report = atomic.plan(&matches, &found).unwrap_err();
    assert!(!report.has_only_unknown_users());
    assert_eq!(report.entries()[0].index, Some(1));
}
