//! Decides what a batch does with each row.

use std::collections::HashMap;
use std::sync::Arc;

use super::batch::{StoredMatches, UpsertBatch, UpsertRow};
use super::unknown_users::{self, NewUsers, RowUser};
use crate::device::{DeviceFields, NewDevice, PerUniqueField, StoredDevice, ValidatedPatch};
use crate::field::Email;
use crate::ids::UserId;
use crate::ports::LookupResult;
use crate::validation::conflict_errors::{
    add_row_conflicts, device_limit_error, duplicate_error, row_limit_error,
};
use crate::validation::error::FieldError;
use crate::validation::external_refs::ExternalRefs;
use crate::validation::report::ErrorReport;

/// Decision about each row of a batch, in row order.
#[derive(Debug)]
pub struct UpsertPlan<'a> {
    /// One decision per row.
    pub rows: Vec<PlannedRow<'a>>,
    /// Addresses of the users to create, in the order of the rows that refer to them first.
    pub new_users: Vec<&'a Email>,
}

/// Decision about a row.
#[derive(Debug)]
pub enum PlannedRow<'a> {
    /// Creates a device.
    Create {
        /// The device.
        device: &'a NewDevice,
        /// Its assignee, by id or by email address. A negative number stands for a new user, until
        /// [`UpsertPlan::set_user_ids`].
        assignee: Option<UserId>,
    },
    /// Changes the device that the row matches.
    Update {
        /// The device before the change.
        stored: &'a Arc<StoredDevice>,
        /// Its fields after the change, with an assignee like that of a new device.
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
type RowDecision<'a> = Result<(PlannedRow<'a>, RowUser<'a>), ErrorReport>;

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
        let planner = Planner {
            batch: self,
            matches,
            found,
            users: NewUsers::new(found.user_quota),
            first_rows: FirstRows::default(),
        };
        if self.options.is_atomic || !self.report.is_empty() {
            planner.plan_all_or_none()
        } else {
            Ok(planner.plan_valid_rows())
        }
    }
}

/// Plans the rows of a batch, in order.
struct Planner<'a, 'f> {
    batch: &'a UpsertBatch,
    matches: &'a StoredMatches,
    found: &'f LookupResult,
    /// Users of the rows that were planned so far.
    users: NewUsers<'a>,
    first_rows: FirstRows<'a>,
}

impl<'a> Planner<'a, '_> {
    /// Plans every row, or returns all errors of all rows.
    fn plan_all_or_none(mut self) -> Result<UpsertPlan<'a>, ErrorReport> {
        let mut report = self.batch.report.clone();
        let mut rows = Vec::with_capacity(self.batch.rows.len());
        let mut added = 0;
        for (index, row) in self.batch.rows.iter().enumerate() {
            added += usize::from(row.find_match(self.matches).is_none());
            let values = row.unique_values(self.matches, self.batch.options);
            let duplicates = self.first_rows.duplicates(&values);
            self.first_rows.insert(&values, index);
            match self.decide(row, duplicates) {
                Ok((decision, user)) => {
                    self.users.add(user);
                    rows.push(decision);
                }
                Err(errors) => report.add_row(index, errors),
            }
        }
        if let Some(reached) = self.found.device_limit_reached(added) {
            report.add(None, device_limit_error(reached));
        }
        if report.is_empty() {
            return Ok(UpsertPlan {
                rows,
                new_users: self.users.into_emails(),
            });
        }
        let row_ref = |index: usize| self.batch.row_ref(index);
        Err(report.finish().with_row_refs(row_ref))
    }

    /// Plans the rows that pass, and fails the others. Among rows with the same value of a unique
    /// field, the first that does not fail is stored.
    fn plan_valid_rows(mut self) -> UpsertPlan<'a> {
        let mut rows = Vec::with_capacity(self.batch.rows.len());
        let mut added = 0;
        for (index, row) in self.batch.rows.iter().enumerate() {
            let values = row.unique_values(self.matches, self.batch.options);
            let duplicates = self.first_rows.duplicates(&values);
            let decision = self.decide(row, duplicates);
            let decision = decision.map_err(ErrorReport::into_field_errors);
            let decision = decision.and_then(|(decision, user)| {
                if let PlannedRow::Create { .. } = decision {
                    if let Some(reached) = self.found.device_limit_reached(added + 1) {
                        return Err(vec![row_limit_error(reached)]);
                    }
                    added += 1;
                }
                self.users.add(user);
                self.first_rows.insert(&values, index);
                Ok(decision)
            });
            rows.push(decision.unwrap_or_else(PlannedRow::Fail));
        }
        UpsertPlan {
            rows,
            new_users: self.users.into_emails(),
        }
    }

    /// Decides about a row. `duplicates` are the errors for values that an earlier row has.
    fn decide(&self, row: &'a UpsertRow, duplicates: Vec<FieldError>) -> RowDecision<'a> {
        let Some(stored) = row.find_match(self.matches) else {
            return self.decide_new(row, duplicates);
        };
        if let Some(patch) = row.patch() {
            return self.decide_change(row, patch, stored, duplicates);
        }
        let mut report = ErrorReport::default();
        report.extend(row.row_ref_error().cloned());
        report.extend(duplicates);
        report.unless_rejected((PlannedRow::Skip(stored), RowUser::AsSent))
    }

    fn decide_new(&self, row: &'a UpsertRow, duplicates: Vec<FieldError>) -> RowDecision<'a> {
        let (device, mut report) = match row.new_device() {
            Ok(device) => (Some(device), ErrorReport::default()),
            Err(report) => (None, report.clone()),
        };
        report.extend(duplicates);
        let refs = row.new_refs(self.batch.options);
        let user = self.add_conflicts(&mut report, refs);
        let Some(device) = device else {
            return Err(report);
        };
        let assignee = match user {
            RowUser::AsSent => device.assignee(&self.found.users_by_email),
            RowUser::New(email) => Some(self.users.placeholder(email)),
            RowUser::Remaining(user) => user,
        };
        report.unless_rejected((PlannedRow::Create { device, assignee }, user))
    }

    /// Decides about a row that matches `stored`.
    fn decide_change(
        &self,
        row: &'a UpsertRow,
        patch: &'a ValidatedPatch,
        stored: &'a Arc<StoredDevice>,
        duplicates: Vec<FieldError>,
    ) -> RowDecision<'a> {
        let mut report = ErrorReport::default();
        report.extend(row.row_ref_error().cloned());
        let before = &stored.device.fields;
        let email = patch.external_refs().user_email;
        let email_user = email.and_then(|email| self.found.users_by_email.get(email.folded()));
        let applied = patch.apply(before, email_user.copied());
        let applied = applied.map_err(|errors| report.extend(errors));
        report.extend(duplicates);
        let user = self.add_conflicts(&mut report, row.change_refs(stored));
        let Ok(mut fields) = applied else {
            return Err(report);
        };
        unknown_users::assign(&mut fields, before, user, &self.users);
        let changed_fields = before.changed_field_names(&fields);
        let decision = if changed_fields.is_empty() {
            PlannedRow::Unchanged(stored)
        } else {
            PlannedRow::Update {
                stored,
                fields: Box::new(fields),
                changed_fields,
            }
        };
        report.unless_rejected((decision, user))
    }

    /// Adds the conflicts of a row with these references. Returns the user that it assigns.
    fn add_conflicts(&self, report: &mut ErrorReport, refs: ExternalRefs<'a>) -> RowUser<'a> {
        let (user, refs) = self.batch.row_user(refs, self.found);
        add_row_conflicts(report, None, refs, &self.found.conflicts);
        if let RowUser::New(email) = user {
            report.extend(self.users.quota_error(email));
        }
        user
    }
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
