//! Decides what a batch does with each row.

use std::collections::HashMap;
use std::sync::Arc;

use super::batch::{StoredMatches, UpsertBatch, UpsertRow};
use crate::device::{DeviceFields, NewDevice, PerUniqueField, StoredDevice, ValidatedPatch};
use crate::ids::UserId;
use crate::ports::LookupResult;
use crate::validation::conflict_errors::{
    add_row_conflicts, device_limit_error, duplicate_error, row_limit_error,
};
use crate::validation::error::FieldError;
use crate::validation::report::ErrorReport;

/// Decision about each row of a batch, in row order.
#[derive(Debug)]
pub struct UpsertPlan<'a> {
    /// One decision per row.
    pub rows: Vec<PlannedRow<'a>>,
}

/// Decision about a row.
#[derive(Debug)]
pub enum PlannedRow<'a> {
    /// Creates a device.
    Create {
        /// The device.
        device: &'a NewDevice,
        /// Its assignee, by id or by email address.
        assignee: Option<UserId>,
    },
    /// Changes the device that the row matches.
    Update {
        /// The device before the change.
        stored: &'a Arc<StoredDevice>,
        /// Its fields after the change.
        fields: Box<DeviceFields>,
        /// Names of the fields that differ, at least one.
        changed_fields: Vec<&'static str>,
    },
    /// The row would change nothing.
    Unchanged(&'a Arc<StoredDevice>),
    /// The row is not used, because it matches this device.
    Skip(&'a Arc<StoredDevice>),
    /// The row is not stored, because of these errors.
    Fail(Vec<FieldError>),
}

/// Decision about a row on its own, or its errors.
type RowDecision<'a> = Result<PlannedRow<'a>, ErrorReport>;

impl UpsertBatch {
    /// Decides about every row, given the devices that rows match and the result of the look-up of
    /// the [keys](Self::lookup_keys).
    ///
    /// # Errors
    /// Returns the report of all errors of all rows if they reject the batch: if it is atomic and a
    /// row fails, or if the batch is invalid as a whole.
    pub fn plan<'a>(
        &'a self,
        matches: &'a StoredMatches,
        found: &LookupResult,
    ) -> Result<UpsertPlan<'a>, ErrorReport> {
        if self.options.is_atomic || !self.report.is_empty() {
            self.plan_all_or_none(matches, found)
        } else {
            Ok(self.plan_valid_rows(matches, found))
        }
    }

    /// Plans every row, or returns all errors of all rows.
    fn plan_all_or_none<'a>(
        &'a self,
        matches: &'a StoredMatches,
        found: &LookupResult,
    ) -> Result<UpsertPlan<'a>, ErrorReport> {
        let mut report = self.report.clone();
        let mut first_rows = FirstRows::default();
        let mut rows = Vec::with_capacity(self.rows.len());
        let mut added = 0;
        for (index, row) in self.rows.iter().enumerate() {
            let stored = row.find_match(matches);
            let is_new = stored.is_none();
            added += usize::from(is_new);
            let values = row.unique_values(matches, self.options);
            let duplicates = first_rows.duplicates(&values);
            first_rows.insert(&values, index);
            match self.decide(row, stored, found, duplicates) {
                Ok(decision) => rows.push(decision),
                Err(errors) => report.add_row(index, errors),
            }
        }
        if let Some(reached) = found.device_limit_reached(added) {
            report.add(None, device_limit_error(reached));
        }
        if report.is_empty() {
            return Ok(UpsertPlan { rows });
        }
        let row_ref = |index: usize| self.row_ref(index);
        Err(report.finish().with_row_refs(row_ref))
    }

    /// Plans the rows that pass, and fails the others. Among rows with the same value of a unique
    /// field, the first that does not fail is stored.
    fn plan_valid_rows<'a>(
        &'a self,
        matches: &'a StoredMatches,
        found: &LookupResult,
    ) -> UpsertPlan<'a> {
        let mut first_rows = FirstRows::default();
        let mut added = 0;
        let rows = self.rows.iter().enumerate().map(|(index, row)| {
            let stored = row.find_match(matches);
            let values = row.unique_values(matches, self.options);
            let duplicates = first_rows.duplicates(&values);
            let decision = self.decide(row, stored, found, duplicates);
            let decision = decision.map_err(ErrorReport::into_field_errors);
            let decision = decision.and_then(|decision| {
                if let PlannedRow::Create { .. } = decision {
                    if let Some(reached) = found.device_limit_reached(added + 1) {
                        return Err(vec![row_limit_error(reached)]);
                    }
                    added += 1;
                }
                first_rows.insert(&values, index);
                Ok(decision)
            });
            decision.unwrap_or_else(PlannedRow::Fail)
        });
        UpsertPlan {
            rows: rows.collect(),
        }
    }

    /// Decides about a row. `duplicates` are the errors for values that an earlier row has.
    fn decide<'a>(
        &self,
        row: &'a UpsertRow,
        stored: Option<&'a Arc<StoredDevice>>,
        found: &LookupResult,
        duplicates: Vec<FieldError>,
    ) -> RowDecision<'a> {
        let Some(stored) = stored else {
            return self.decide_new(row, found, duplicates);
        };
        let mut report = ErrorReport::default();
        report.extend(row.row_ref_error().cloned());
        if let Some(patch) = row.patch() {
            return decide_change(row, patch, stored, found, duplicates, report);
        }
        report.extend(duplicates);
        report.unless_rejected(PlannedRow::Skip(stored))
    }

    fn decide_new<'a>(
        &self,
        row: &'a UpsertRow,
        found: &LookupResult,
        duplicates: Vec<FieldError>,
    ) -> RowDecision<'a> {
        let (device, mut report) = match row.new_device() {
            Ok(device) => (Some(device), ErrorReport::default()),
            Err(report) => (None, report.clone()),
        };
        report.extend(duplicates);
        let refs = row.new_refs(self.options);
        add_row_conflicts(&mut report, None, refs, &found.conflicts);
        let Some(device) = device else {
            return Err(report);
        };
        report.unless_rejected(PlannedRow::Create {
            device,
            assignee: device.assignee(&found.users_by_email),
        })
    }
}

/// Decides about a row that matches `stored`. `report` contains the error of its `row_ref`.
fn decide_change<'a>(
    row: &'a UpsertRow,
    patch: &ValidatedPatch,
    stored: &'a Arc<StoredDevice>,
    found: &LookupResult,
    duplicates: Vec<FieldError>,
    mut report: ErrorReport,
) -> RowDecision<'a> {
    let before = &stored.device.fields;
    let email = patch.external_refs().user_email;
    let email_user = email.and_then(|email| found.users_by_email.get(email.folded()));
    let applied = patch.apply(before, email_user.copied());
    let applied = applied.map_err(|errors| report.extend(errors));
    report.extend(duplicates);
    add_row_conflicts(&mut report, None, row.change_refs(stored), &found.conflicts);
    let Ok(fields) = applied else {
        return Err(report);
    };
    let changed_fields = before.changed_field_names(&fields);
    report.unless_rejected(if changed_fields.is_empty() {
        PlannedRow::Unchanged(stored)
    } else {
        PlannedRow::Update {
            stored,
            fields: Box::new(fields),
            changed_fields,
        }
    })
}

impl ErrorReport {
    /// Returns the decision if the row has no error.
    fn unless_rejected<T>(self, decision: T) -> Result<T, Self> {
        if self.is_empty() {
            Ok(decision)
        } else {
            Err(self)
        }
    }
}

/// Values of the unique fields of a row.
type UniqueValues<'a> = PerUniqueField<Option<&'a str>>;

/// First row with each value of a unique field.
#[derive(Default)]
struct FirstRows<'a>(PerUniqueField<HashMap<&'a str, usize>>);

impl<'a> FirstRows<'a> {
    /// Returns an error for each of the values that an earlier row has.
    fn duplicates(&self, values: &UniqueValues<'_>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        for (field, value) in values.iter() {
            if let Some(first) = value.and_then(|value| self.0[field].get(value)) {
                errors.push(duplicate_error(field, *first));
            }
        }
        errors
    }

    /// Adds the values of the row at `index`.
    fn insert(&mut self, values: &UniqueValues<'a>, index: usize) {
        for (field, value) in values.iter() {
            if let Some(value) = *value {
                self.0[field].entry(value).or_insert(index);
            }
        }
    }
}
