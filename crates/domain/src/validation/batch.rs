//! Many rows judged together.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::device::{NewDevice, RejectedRefs, validate_device};
use crate::field::{RawRow, UnknownFields, ValueKind};
use crate::ports::Conflicts;
use crate::validation::error::{ErrorCode, ErrorReport, FieldError, Reason, Related};
use crate::validation::external_refs::ExternalRefs;
use crate::validation::lookup_keys::LookupKeys;

/// What a batch may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchRules {
    /// The most devices it may hold.
    pub max_devices: usize,
    /// What to do with a field that no device has.
    pub unknown_fields: UnknownFields,
    /// How many errors its report names one by one; all are counted.
    pub max_errors: usize,
}

/// A thousand devices and a thousand errors at most, unknown fields refused.
impl Default for BatchRules {
    fn default() -> Self {
        Self {
            max_devices: 1_000,
            unknown_fields: UnknownFields::default(),
            max_errors: ErrorReport::MAX_ENTRIES,
        }
    }
}

/// Rows that are judged as they come in, and what was found.
///
/// A row that is refused does not end the batch: what is wrong with the others is found, too.
#[derive(Debug)]
pub struct Batch {
    rules: BatchRules,
    count: usize,
    rows: Vec<Judged>,
    report: ErrorReport,
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "nearly every row is accepted")]
enum Judged {
    Accepted(NewDevice),
    Refused(RejectedRefs),
}

impl Batch {
    /// A batch without rows.
    pub fn new(rules: BatchRules) -> Self {
        Self {
            rules,
            count: 0,
            rows: Vec::new(),
            report: ErrorReport::new(rules.max_errors),
        }
    }

    /// Judges the next row. Rows beyond the most that the batch may hold are counted and not
    /// judged.
    pub fn push(&mut self, row: &RawRow<'_>) {
        let index = self.count;
        self.count += 1;
        if index >= self.rules.max_devices {
            return;
        }
        let report = &mut self.report;
        let device = validate_device(row, self.rules.unknown_fields, &mut |error| {
            report.add_in_order(index, error);
        });
        self.rows.push(match device {
            Some(device) => Judged::Accepted(device),
            None => Judged::Refused(RejectedRefs::of_refused(row)),
        });
    }

    /// Takes note of a row that has no fields at all since it is something else.
    pub fn push_other(&mut self, found: ValueKind) {
        self.push_unreadable(|| {
            FieldError::whole(
                ErrorCode::InvalidBody,
                Reason::WrongType,
                format!("must be an object, not {}", found.as_str()),
            )
        });
    }

    /// Takes note of a row that cannot be read. `error` is not called when the report is full.
    pub fn push_unreadable(&mut self, error: impl FnOnce() -> FieldError) {
        let index = self.count;
        self.count += 1;
        if index >= self.rules.max_devices {
            return;
        }
        self.report.add_in_order(index, error);
        self.rows.push(Judged::Refused(RejectedRefs::default()));
    }

    /// Takes note of something that is wrong with the batch as a whole.
    pub fn refuse(&mut self, error: FieldError) {
        self.report.add(None, error);
    }

    /// What a batch may be.
    pub fn rules(&self) -> BatchRules {
        self.rules
    }

    /// How many rows came in.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether no row came in.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The devices of all rows, in order, if every one of them passed and no two share a serial
    /// number.
    ///
    /// What only the store knows (users, serial numbers already taken) is not asked here; see
    /// [`CreateDevices`](crate::CreateDevices).
    ///
    /// # Errors
    /// Everything that is wrong with every row, also where there is no row at all.
    pub fn into_devices(mut self) -> Result<Vec<NewDevice>, ErrorReport> {
        self.validate_whole();
        self.try_into_devices()
            .map_err(|refused| refused.report.finish())
    }

    /// Judges what no single row can show: how many rows there are, and serial numbers that two of
    /// them share.
    pub(crate) fn validate_whole(&mut self) {
        let max = self.rules.max_devices;
        if self.count == 0 && self.report.is_empty() {
            self.refuse(FieldError::of(
                "devices",
                ErrorCode::InvalidBody,
                Reason::EmptyBatch,
                "must hold at least one device",
            ));
        }
        if self.count > max {
            self.refuse(FieldError::of(
                "devices",
                ErrorCode::InvalidBody,
                Reason::TooManyDevices,
                format!(
                    "must hold at most {max} devices, not {}: send it in parts",
                    self.count
                ),
            ));
        }
        let mut first_with = HashMap::with_capacity(self.rows.len());
        let mut duplicates = Vec::new();
        for (index, claim) in claims(&self.rows).enumerate() {
            let Some(serial) = claim.serial_number else {
                continue;
            };
            let first = *first_with.entry(serial.folded()).or_insert(index);
            if first != index {
                duplicates.push((index, first));
            }
        }
        for (index, first) in duplicates {
            self.report.add(
                Some(index),
                serial_number_error(
                    Reason::Duplicate,
                    format!("is the same as in row {first} of this batch"),
                    Related::DuplicateOf(first),
                ),
            );
        }
    }

    /// What the rows refer to outside themselves, refused rows included.
    pub(crate) fn references(&self) -> LookupKeys {
        LookupKeys::of_claims(claims(&self.rows), self.count)
    }

    /// The devices, unless anything was refused.
    pub(crate) fn try_into_devices(self) -> Result<Vec<NewDevice>, Self> {
        if !self.report.is_empty() {
            return Err(self);
        }
        let accepted = |row| match row {
            Judged::Accepted(device) => Some(device),
            Judged::Refused(_) => None,
        };
        Ok(self.rows.into_iter().filter_map(accepted).collect())
    }

    /// What was found, and what the store holds against the rows.
    pub(crate) fn into_report(mut self, conflicts: &Conflicts) -> ErrorReport {
        report_conflicts(&mut self.report, claims(&self.rows), conflicts);
        self.report.finish()
    }
}

fn claims(rows: &[Judged]) -> impl Iterator<Item = ExternalRefs<'_>> {
    rows.iter().map(|row| match row {
        Judged::Accepted(device) => device.claim(),
        Judged::Refused(claims) => claims.claim(),
    })
}

/// Adds what the store knows about the rows with these claims, in their order.
pub(crate) fn report_conflicts<'a>(
    report: &mut ErrorReport,
    claims: impl Iterator<Item = ExternalRefs<'a>>,
    conflicts: &Conflicts,
) {
    if let Some(reached) = conflicts.device_limit {
        report.add(None, reached.error());
    }
    for (index, claim) in claims.enumerate() {
        report_conflicts_of(claim, conflicts, |error| report.add(Some(index), error));
    }
}

/// Tells what the store knows about one claim.
pub(crate) fn report_conflicts_of(
    claim: ExternalRefs<'_>,
    conflicts: &Conflicts,
    mut add: impl FnMut(FieldError),
) {
    if let Some(user) = claim.user
        && conflicts.unknown_users.contains(&user)
    {
        add(user_error(
            "user_id",
            Reason::UnknownUser,
            format!("names no user of this workspace: {user}"),
        ));
    }
    if let Some(email) = claim.user_email {
        if conflicts.unknown_emails.contains(email.as_str()) {
            add(user_error(
                "user_email",
                Reason::UnknownUser,
                "names no user of this workspace",
            ));
        } else if let Some(user) = claim.user
            && conflicts
                .mismatched_users
                .contains(&(email.as_str().to_owned(), user))
        {
            add(user_error(
                "user_email",
                Reason::UserMismatch,
                format!("is the address of another user than `user_id` {user}"),
            ));
        }
    }
    let taken = claim
        .serial_number
        .and_then(|serial| conflicts.taken_serial_numbers.get(serial.folded()));
    if let Some(existing) = taken {
        add(serial_number_error(
            Reason::AlreadyExists,
            format!("is taken by device {existing}"),
            Related::ExistingDevice(*existing),
        ));
    }
}

fn serial_number_error(reason: Reason, detail: String, related: Related) -> FieldError {
    FieldError::of(
        "serial_number",
        ErrorCode::InvalidSerialNumber,
        reason,
        detail,
    )
    .with(related)
}

fn user_error(
    field: &'static str,
    reason: Reason,
    detail: impl Into<Cow<'static, str>>,
) -> FieldError {
    FieldError::of(field, ErrorCode::InvalidUser, reason, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::{RawValue, SerialNumber};

    fn row(serial_number: &str) -> RawRow<'_> {
        let mut row = RawRow::new();
        for field in ["name", "type", "category"] {
            row.set(field, RawValue::text("x"));
        }
        row.set("serial_number", RawValue::text(serial_number));
        row
    }

    fn batch<'a>(rows: impl IntoIterator<Item = RawRow<'a>>) -> Batch {
        let mut batch = Batch::new(BatchRules::default());
        rows.into_iter().for_each(|row| batch.push(&row));
        batch
    }

    fn errors(batch: Batch) -> Vec<String> {
        let report = batch.into_devices().unwrap_err();
        assert_eq!(report.total(), report.entries().len());
        report.entries().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn devices_come_in_the_order_of_their_rows() {
        let devices = batch(["B", "A", ""].map(row)).into_devices().unwrap();
        let serials: Vec<_> = devices
            .iter()
            .map(|device| {
                device
                    .fields
                    .identity
                    .serial_number
                    .as_ref()
                    .map(SerialNumber::as_str)
            })
            .collect();
        assert_eq!(serials, [Some("B"), Some("A"), None]);
    }

    #[test]
    fn a_duplicate_names_the_first_row_whatever_the_case_width_or_spaces() {
        assert_eq!(
            errors(batch(
                ["ab 1", "other", "AB 1", "ａｂ　１", " ab 1 "].map(row)
            )),
            [
                "row 2: `serial_number` is the same as in row 0 of this batch",
                "row 3: `serial_number` is the same as in row 0 of this batch",
                "row 4: `serial_number` is the same as in row 0 of this batch",
            ]
        );
    }

    #[test]
    fn a_duplicate_of_a_refused_row_is_found_too() {
        let mut refused = row("S1");
        refused.set("user_id", RawValue::text("me"));
        assert_eq!(
            errors(batch([refused, row("s1")])),
            [
                "row 0: `user_id` must be an integer, not a string",
                "row 1: `serial_number` is the same as in row 0 of this batch",
            ]
        );
    }

    #[test]
    fn devices_without_a_serial_number_are_no_duplicates() {
        assert!(batch(["", "", ""].map(row)).into_devices().is_ok());
    }

    #[test]
    fn an_empty_batch_is_refused() {
        assert_eq!(
            errors(batch([])),
            ["`devices` must hold at least one device"]
        );
    }

    #[test]
    fn rows_beyond_the_most_are_counted_and_not_judged() {
        let mut batch = Batch::new(BatchRules {
            max_devices: 2,
            ..BatchRules::default()
        });
        batch.push(&RawRow::new());
        batch.push(&row("S1"));
        batch.push(&row("S1"));
        batch.push_other(ValueKind::Null);
        assert_eq!(
            errors(batch),
            [
                "`devices` must hold at most 2 devices, not 4: send it in parts",
                "row 0: `name` is required",
                "row 0: `type` is required",
                "row 0: `category` is required",
            ]
        );
    }

    #[test]
    fn a_row_that_is_no_object_is_an_error_among_the_others() {
        let mut batch = batch([row("S1")]);
        batch.push_other(ValueKind::List);
        batch.push(&row("S1"));
        assert_eq!(
            errors(batch),
            [
                "row 1: must be an object, not an array",
                "row 2: `serial_number` is the same as in row 0 of this batch",
            ]
        );
    }

    #[test]
    fn unknown_fields_are_ignored_where_that_was_asked_for() {
        let mut batch = Batch::new(BatchRules {
            unknown_fields: UnknownFields::Ignore,
            ..BatchRules::default()
        });
        let mut row = row("S1");
        row.set("mac_address", RawValue::text("00:00:5e:00:53:01"));
        batch.push(&row);
        assert!(batch.into_devices().is_ok());
    }

    #[test]
    fn an_ignored_field_must_not_be_given_twice_either() {
        let mut batch = Batch::new(BatchRules {
            unknown_fields: UnknownFields::Ignore,
            ..BatchRules::default()
        });
        let mut row = row("S1");
        row.set("mac_address", RawValue::Null);
        row.set("mac_address", RawValue::Null);
        batch.push(&row);
        let report = batch.into_devices().unwrap_err();
        assert_eq!(report.entries()[0].error.reason, Reason::RepeatedField);
    }

    #[test]
    fn a_million_problems_of_the_batch_take_no_more_room_than_a_few_thousand() {
        let mut batch = Batch::new(BatchRules::default());
        for _ in 0..1_000_000 {
            let detail = "must be an object";
            batch.refuse(FieldError::whole(
                ErrorCode::InvalidBody,
                Reason::WrongType,
                detail,
            ));
        }
        assert!(batch.report.capacity() <= 4 * ErrorReport::MAX_ENTRIES);
        assert_eq!(batch.into_devices().unwrap_err().total(), 1_000_000);
    }

    #[test]
    fn a_report_names_a_thousand_errors_and_counts_all() {
        let empty = batch(std::iter::repeat_with(RawRow::new).take(999));
        let report = empty.into_devices().unwrap_err();
        assert_eq!(report.entries().len(), ErrorReport::MAX_ENTRIES);
        assert_eq!(report.total(), 999 * 3);
        assert!(!report.has_only_unknown_users());
    }
}
