//! Plans of batches.

use std::collections::{BTreeSet, HashMap};

use chrono::DateTime;

use super::*;
use crate::device::{Device, NewDevice, PerUniqueField, StoredDevice, UniqueField};
use crate::field::{RawRow, RawValue, RowRef};
use crate::ids::{DeviceId, UserId};
use crate::ports::{Conflicts, DeviceLimit, LookupResult};
use crate::validation::batch::BatchRules;
use crate::validation::report::ErrorReport;

const UPDATE: BatchOptions = BatchOptions {
    on_conflict: OnConflict::Update,
    is_atomic: false,
    nulls: Nulls::Keep,
    match_field: UniqueField::SerialNumber,
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
