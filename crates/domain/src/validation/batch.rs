//! Batches of rows that are validated together.

use std::collections::HashMap;

use super::conflict_errors::{add_batch_conflicts, duplicate_error};
use super::error::{ErrorCode, FieldError, Reason};
use super::external_refs::ExternalRefs;
use super::lookup_keys::LookupKeys;
use super::report::ErrorReport;
use super::row_errors::RowErrors;
use crate::device::{NewDevice, PerUniqueField, RejectedRefs, UniqueField, validate_device};
use crate::field::{RawRow, RowRef, UnknownFields, ValueKind};
use crate::ports::Conflicts;

/// Limits and options of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchRules {
    /// Maximum number of devices.
    pub max_devices: usize,
    /// Treatment of unknown fields.
    pub unknown_fields: UnknownFields,
    /// Maximum number of errors that the report lists. All errors are counted.
    pub max_errors: usize,
}

/// At most 1,000 devices and 1,000 listed errors; unknown fields are errors.
impl Default for BatchRules {
    fn default() -> Self {
        Self {
            max_devices: 1_000,
            unknown_fields: UnknownFields::default(),
            max_errors: ErrorReport::MAX_ENTRIES,
        }
    }
}

/// Validates rows as they arrive and collects every error of every row.
///
/// An invalid row does not end the batch.
#[derive(Debug)]
pub struct Batch {
    rules: BatchRules,
    len: usize,
    /// Devices of the valid rows, in order.
    devices: Vec<NewDevice>,
    /// Indexes and references of the rejected rows, in order.
    rejected: Vec<(usize, RejectedRefs)>,
    report: ErrorReport,
}

impl Batch {
    /// Creates a batch without rows.
    #[must_use]
    pub fn new(rules: BatchRules) -> Self {
        Self {
            rules,
            len: 0,
            devices: Vec::new(),
            rejected: Vec::new(),
            report: ErrorReport::new(rules.max_errors),
        }
    }

    /// Validates the next row. Rows beyond [`BatchRules::max_devices`] are counted, but not
    /// validated.
    pub fn push(&mut self, row: &RawRow<'_>) {
        let Some(index) = self.next_index() else {
            return;
        };
        let errors = &mut RowErrors::new(&mut self.report, Some(index));
        match validate_device(row, self.rules.unknown_fields, errors) {
            Some(device) => self.devices.push(device),
            None => self.rejected.push((index, RejectedRefs::from_row(row))),
        }
    }

    /// Rejects the next row because it is not an object.
    pub fn push_non_object(&mut self, found: ValueKind) {
        self.push_invalid(|| non_object_error(found));
    }

    /// Rejects the next row because it cannot be read. Calls `error` only if the report lists the
    /// error.
    pub fn push_invalid(&mut self, error: impl FnOnce() -> FieldError) {
        if let Some(index) = self.next_index() {
            RowErrors::new(&mut self.report, Some(index)).push_with(error);
            self.rejected.push((index, RejectedRefs::default()));
        }
    }

    /// Rejects the batch as a whole.
    pub fn reject(&mut self, error: FieldError) {
        self.report.add(None, error);
    }

    /// Counts a row. Returns its index unless the batch is over its limit.
    fn next_index(&mut self) -> Option<usize> {
        let index = self.len;
        self.len += 1;
        (index < self.rules.max_devices).then_some(index)
    }

    /// Returns the limits and options of the batch.
    #[must_use]
    pub fn rules(&self) -> BatchRules {
        self.rules
    }

    /// Returns the number of rows, those beyond the limit included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns `true` if the batch has no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the devices of all rows, in order.
    ///
    /// Does not check what only a repository knows (users, taken values of unique fields, the
    /// device limit): see [`CreateDevices`](crate::CreateDevices).
    ///
    /// # Errors
    /// Returns every error of every row, including values of unique fields that two rows share, and
    /// those of the batch as a whole. A batch without rows is an error.
    pub fn into_devices(mut self) -> Result<Vec<NewDevice>, ErrorReport> {
        self.validate_whole();
        self.try_into_devices()
            .map_err(|rejected| rejected.into_report(&Conflicts::default()))
    }

    /// Validates the number of rows, and that no two rows have the same value of a unique field.
    pub(crate) fn validate_whole(&mut self) {
        let is_reported = !self.report.is_empty();
        if let Some(error) = count_error(self.len, self.rules.max_devices, is_reported) {
            self.reject(error);
        }
        for (index, field, first) in self.duplicates() {
            self.report.add(Some(index), duplicate_error(field, first));
        }
    }

    /// Returns the index of each row that has the value of an earlier row in a unique field, with
    /// that field and the index of the first row that has the value.
    fn duplicates(&self) -> Vec<(usize, UniqueField, usize)> {
        let mut first_rows = PerUniqueField::<HashMap<&str, usize>>::default();
        let mut duplicates = Vec::new();
        for (index, ExternalRefs { unique, .. }) in self.external_refs().enumerate() {
            for (field, rows) in first_rows.iter_mut() {
                let Some(value) = unique[field] else { continue };
                let first = *rows.entry(value).or_insert(index);
                if first != index {
                    duplicates.push((index, field, first));
                }
            }
        }
        duplicates
    }

    /// Iterates over the references of all rows to stored data, in order.
    fn external_refs(&self) -> impl Iterator<Item = ExternalRefs<'_>> {
        self.rows().map(|row| match row {
            Ok(device) => device.external_refs(),
            Err(refs) => refs.external_refs(),
        })
    }

    /// Iterates over all rows, in order: the valid ones and the rejected ones.
    fn rows(&self) -> impl Iterator<Item = Result<&NewDevice, &RejectedRefs>> {
        let mut devices = self.devices.iter();
        let mut rejected = self.rejected.iter().peekable();
        (0..).map_while(move |index| match rejected.next_if(|row| row.0 == index) {
            Some((_, refs)) => Some(Err(refs)),
            None => devices.next().map(Ok),
        })
    }

    /// Returns the keys for looking up the conflicts of all rows, rejected rows included.
    pub(crate) fn lookup_keys(&self) -> LookupKeys {
        LookupKeys {
            added_devices: self.len,
            ..LookupKeys::from_refs(self.external_refs())
        }
    }

    /// Returns the devices, or the batch itself if it has an error.
    pub(crate) fn try_into_devices(self) -> Result<Vec<NewDevice>, Box<Self>> {
        if self.report.is_empty() {
            Ok(self.devices)
        } else {
            Err(Box::new(self))
        }
    }

    /// Returns the report of all errors, with the conflicts of the rows.
    pub(crate) fn into_report(mut self, conflicts: &Conflicts) -> ErrorReport {
        let mut report = std::mem::take(&mut self.report);
        add_batch_conflicts(&mut report, self.external_refs(), conflicts);
        let row_refs: Vec<Option<&RowRef>> = self
            .rows()
            .map(|row| row.map_or_else(RejectedRefs::row_ref, |device| device.row_ref.as_ref()))
            .collect();
        let row_ref = |index: usize| row_refs.get(index).copied().flatten();
        report.finish().with_row_refs(row_ref)
    }
}

/// Returns the error of a row that is not an object.
pub(crate) fn non_object_error(found: ValueKind) -> FieldError {
    FieldError::whole(
        ErrorCode::InvalidBody,
        Reason::WrongType,
        format!("must be an object, not {}", found.as_str()),
    )
}

/// Returns the error about the number of rows, if it is not allowed. An empty batch that has
/// [another error](Batch::reject) is none: it may only be empty because of that.
pub(crate) fn count_error(rows: usize, max: usize, is_reported: bool) -> Option<FieldError> {
    let (reason, detail) = if rows == 0 && !is_reported {
        (
            Reason::EmptyBatch,
            "must contain at least one device".into(),
        )
    } else if rows > max {
        let detail =
            format!("must contain at most {max} devices, not {rows}: send them in several batches");
        (Reason::TooManyDevices, detail)
    } else {
        return None;
    };
    Some(FieldError::new(
        "devices",
        ErrorCode::InvalidBody,
        reason,
        detail,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::RawValue;

    fn row(serial_number: &str) -> RawRow<'_> {
        let mut row = RawRow::for_device();
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
    fn devices_are_in_row_order() {
        let devices = batch(["B", "A", ""].map(row)).into_devices().unwrap();
        let fields = devices.iter().map(|device| &device.fields);
        let serial_numbers: Vec<_> = fields
            .map(|fields| UniqueField::SerialNumber.folded(fields))
            .collect();
        assert_eq!(serial_numbers, [Some("B"), Some("A"), None]);
    }

    #[test]
    fn duplicates_are_compared_after_folding() {
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
    fn duplicate_of_invalid_row_is_reported() {
        let mut rejected = row("S1");
        rejected.set("user_id", RawValue::text("me"));
        assert_eq!(
            errors(batch([rejected, row("s1")])),
            [
                "row 0: `user_id` must be an integer, not a string",
                "row 1: `serial_number` is the same as in row 0 of this batch",
            ]
        );
    }

    #[test]
    fn missing_serial_numbers_are_not_duplicates() {
        assert!(batch(["", "", ""].map(row)).into_devices().is_ok());
    }

    #[test]
    fn empty_batch_is_rejected() {
        assert_eq!(
            errors(batch([])),
            ["`devices` must contain at least one device"]
        );
    }

    #[test]
    fn rows_over_the_limit_are_only_counted() {
        let mut batch = Batch::new(BatchRules {
            max_devices: 2,
            ..BatchRules::default()
        });
        batch.push(&RawRow::for_device());
        batch.push(&row("S1"));
        batch.push(&row("S1"));
        batch.push_non_object(ValueKind::Null);
        assert_eq!(
            errors(batch),
            [
                "`devices` must contain at most 2 devices, not 4: send them in several batches",
                "row 0: `name` is required",
                "row 0: `type` is required",
                "row 0: `category` is required",
            ]
        );
    }

    #[test]
    fn non_object_row_is_an_error() {
        let mut batch = batch([row("S1")]);
        batch.push_non_object(ValueKind::List);
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
    fn unknown_fields_can_be_ignored() {
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
    fn repeated_unknown_field_is_rejected() {
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
    fn report_memory_is_bounded() {
        let mut batch = Batch::new(BatchRules::default());
        for _ in 0..1_000_000 {
            let detail = "must be an object";
            batch.reject(FieldError::whole(
                ErrorCode::InvalidBody,
                Reason::WrongType,
                detail,
            ));
        }
        assert!(batch.report.capacity() <= 4 * ErrorReport::MAX_ENTRIES);
        assert_eq!(batch.into_devices().unwrap_err().total(), 1_000_000);
    }

    #[test]
    fn report_lists_1000_errors_and_counts_all() {
        let empty = batch(std::iter::repeat_with(RawRow::for_device).take(999));
        let report = empty.into_devices().unwrap_err();
        assert_eq!(report.entries().len(), ErrorReport::MAX_ENTRIES);
        assert_eq!(report.total(), 999 * 3);
        assert!(!report.has_only_unknown_users());
    }
}
