//! Rows of a batch with options, each validated on its own.

use std::collections::HashMap;
use std::sync::Arc;

use super::options::{BatchOptions, OnConflict};
use crate::device::{
    NewDevice, PerUniqueField, RejectedRefs, StoredDevice, UniqueField, ValidatedPatch,
    validate_device,
};
use crate::field::{RawRow, RowRef, ValueKind, read_row_ref};
use crate::ids::DeviceId;
use crate::validation::batch::{BatchRules, count_error, non_object_error};
use crate::validation::error::{ErrorCode, FieldError, Reason};
use crate::validation::external_refs::ExternalRefs;
use crate::validation::lookup_keys::LookupKeys;
use crate::validation::report::ErrorReport;
use crate::validation::row_errors::RowErrors;

/// Maximum number of errors that are listed for a row. One is listed for each row once the rows of
/// the batch have [`BatchRules::max_errors`].
const MAX_ROW_ERRORS: usize = 100;

/// A batch with options.
#[derive(Debug)]
pub struct UpsertBatch {
    pub(super) options: BatchOptions,
    rules: BatchRules,
    len: usize,
    pub(super) rows: Vec<UpsertRow>,
    /// Number of listed errors of all rows.
    listed_errors: usize,
    /// Errors of the batch as a whole.
    pub(super) report: ErrorReport,
}

/// A row that is validated on its own.
#[derive(Debug)]
pub(super) struct UpsertRow {
    /// The row as a new device.
    new: Result<Box<NewDevice>, Box<RejectedRow>>,
    /// The row as a change of the device that it matches.
    patch: Option<Box<ValidatedPatch>>,
    /// Field that matches the row to a stored device, if the row has one value of it.
    match_field: Option<UniqueField>,
}

/// A row that is not valid as a new device.
#[derive(Debug)]
struct RejectedRow {
    report: ErrorReport,
    refs: RejectedRefs,
    row_ref_error: Option<FieldError>,
}

/// Active devices that rows of a batch match.
#[derive(Debug, Default)]
pub struct StoredMatches(HashMap<String, Arc<StoredDevice>>);

impl StoredMatches {
    /// Creates the matches from the active ones of these devices that have a value of `field`.
    #[must_use]
    pub fn new(field: UniqueField, devices: Vec<StoredDevice>) -> Self {
        let active = devices
            .into_iter()
            .filter(|stored| stored.archived_at.is_none());
        let devices = active.filter_map(|stored| {
            let value = field.folded(&stored.device.fields)?.to_owned();
            Some((value, Arc::new(stored)))
        });
        Self(devices.collect())
    }

    /// Iterates over the ids of the devices.
    pub fn device_ids(&self) -> impl Iterator<Item = DeviceId> {
        self.0.values().map(|stored| stored.device.id)
    }
}

impl UpsertBatch {
    /// Creates a batch without rows.
    #[must_use]
    pub fn new(rules: BatchRules, options: BatchOptions) -> Self {
        Self {
            options,
            rules,
            len: 0,
            rows: Vec::new(),
            listed_errors: 0,
            report: ErrorReport::new(rules.max_errors),
        }
    }

    /// Returns the options.
    #[must_use]
    pub fn options(&self) -> BatchOptions {
        self.options
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

    /// Returns the reference of a row.
    #[must_use]
    pub fn row_ref(&self, index: usize) -> Option<&RowRef> {
        self.rows.get(index)?.row_ref()
    }

    /// Validates the next row. Rows beyond [`BatchRules::max_devices`] are counted, but not
    /// validated.
    pub fn push(&mut self, row: &RawRow<'_>) {
        if self.count_row() {
            let max_errors = if self.listed_errors < self.rules.max_errors {
                MAX_ROW_ERRORS
            } else {
                1
            };
            let row = UpsertRow::new(row, self.rules, self.options, max_errors);
            self.listed_errors += row.listed_errors();
            self.rows.push(row);
        }
    }

    /// Rejects the next row because it is not an object.
    pub fn push_non_object(&mut self, found: ValueKind) {
        if self.count_row() {
            self.rows.push(UpsertRow::invalid(non_object_error(found)));
        }
    }

    /// Rejects the batch as a whole.
    pub fn reject(&mut self, error: FieldError) {
        self.report.add(None, error);
    }

    /// Counts a row. Returns `false` if the batch is over its limit.
    fn count_row(&mut self) -> bool {
        self.len += 1;
        self.len <= self.rules.max_devices
    }

    /// Validates the number of rows.
    pub(crate) fn validate_len(&mut self) {
        let is_reported = !self.report.is_empty();
        if let Some(error) = count_error(self.len, self.rules.max_devices, is_reported) {
            self.reject(error);
        }
    }

    /// Returns the folded values of the match field, sorted, without duplicates: the devices to
    /// read before [`lookup_keys`](Self::lookup_keys).
    #[must_use]
    pub fn match_values(&self) -> Vec<&str> {
        let rows = self.rows.iter();
        let mut values: Vec<&str> = rows.filter_map(UpsertRow::match_value).collect();
        values.sort_unstable();
        values.dedup();
        values
    }

    /// Returns the keys for looking up the conflicts of all rows, given the devices that they
    /// match. Leaves out the match field: a row either matches a device or creates one.
    #[must_use]
    pub fn lookup_keys(&self, matches: &StoredMatches) -> LookupKeys {
        let mut added_devices = 0;
        let mut refs = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            match (row.find_match(matches), self.options.on_conflict) {
                (Some(_), OnConflict::Skip) => {}
                (Some(stored), _) => refs.push(row.change_refs(stored)),
                (None, _) => {
                    added_devices += 1;
                    refs.push(row.new_refs(self.options));
                }
            }
        }
        LookupKeys {
            added_devices,
            ..LookupKeys::from_refs(refs.into_iter())
        }
    }
}

impl UpsertRow {
    fn new(row: &RawRow<'_>, rules: BatchRules, options: BatchOptions, max_errors: usize) -> Self {
        let mut report = ErrorReport::new(max_errors);
        let errors = &mut RowErrors::new(&mut report, None);
        let new = validate_device(row, rules.unknown_fields, errors);
        let field = options.match_field;
        let is_repeated = row.repeated_names().iter().any(|name| name == field.name());
        let has_no_key = options.matches_rows() && field.is_empty_in_row(row);
        if has_no_key {
            report.add(None, no_match_key(field));
        }
        let new = new.filter(|_| !has_no_key).map(Box::new).ok_or_else(|| {
            Box::new(RejectedRow {
                report: report.finish(),
                refs: RejectedRefs::from_row(row),
                row_ref_error: read_row_ref(row).err(),
            })
        });
        let mut validated = Self {
            new,
            patch: None,
            match_field: (options.matches_rows() && !is_repeated).then_some(field),
        };
        let has_patch =
            options.on_conflict == OnConflict::Update && validated.match_value().is_some();
        let unknown_fields = rules.unknown_fields;
        let patch = has_patch
            .then(|| ValidatedPatch::from_batch_row(row, unknown_fields, options, max_errors));
        validated.patch = patch.map(Box::new);
        validated
    }

    fn invalid(error: FieldError) -> Self {
        Self {
            new: Err(Box::new(RejectedRow {
                report: ErrorReport::from_error(error),
                refs: RejectedRefs::default(),
                row_ref_error: None,
            })),
            patch: None,
            match_field: None,
        }
    }

    fn listed_errors(&self) -> usize {
        let new = self.new.as_ref().err();
        let patch = self.patch.as_ref();
        new.map_or(0, |row| row.report.entries().len())
            + patch.map_or(0, |patch| patch.listed_errors())
    }

    /// Returns the row as a new device, or its errors.
    pub(super) fn new_device(&self) -> Result<&NewDevice, &ErrorReport> {
        match &self.new {
            Ok(device) => Ok(device),
            Err(row) => Err(&row.report),
        }
    }

    /// Returns the references of the row as a new device.
    fn refs(&self) -> ExternalRefs<'_> {
        match &self.new {
            Ok(device) => device.external_refs(),
            Err(row) => row.refs.external_refs(),
        }
    }

    fn row_ref(&self) -> Option<&RowRef> {
        match &self.new {
            Ok(device) => device.row_ref.as_ref(),
            Err(row) => row.refs.row_ref(),
        }
    }

    /// Returns the folded value of the match field.
    fn match_value(&self) -> Option<&str> {
        self.refs().unique[self.match_field?]
    }

    /// Returns the row as a change of the device that it matches.
    pub(super) fn patch(&self) -> Option<&ValidatedPatch> {
        self.patch.as_deref()
    }

    pub(super) fn row_ref_error(&self) -> Option<&FieldError> {
        self.new.as_ref().err()?.row_ref_error.as_ref()
    }

    pub(super) fn find_match<'m>(
        &self,
        matches: &'m StoredMatches,
    ) -> Option<&'m Arc<StoredDevice>> {
        matches.0.get(self.match_value()?)
    }

    /// Returns the references to look up for a new device.
    pub(super) fn new_refs(&self, options: BatchOptions) -> ExternalRefs<'_> {
        let mut refs = self.refs();
        if options.matches_rows() {
            refs.unique[options.match_field] = None;
        }
        refs
    }

    /// Returns the references to look up for a change of `stored`.
    pub(super) fn change_refs(&self, stored: &StoredDevice) -> ExternalRefs<'_> {
        let refs = self.patch.as_ref().map(|patch| patch.external_refs());
        refs.unwrap_or_default().changed_from(&stored.device.fields)
    }

    /// Returns the values of unique fields that no other row may have. Of a row that is skipped,
    /// only the match field is used.
    pub(super) fn unique_values(
        &self,
        matches: &StoredMatches,
        options: BatchOptions,
    ) -> PerUniqueField<Option<&str>> {
        let values = self.refs().unique;
        let is_skipped =
            options.on_conflict == OnConflict::Skip && self.find_match(matches).is_some();
        if is_skipped {
            PerUniqueField::of(options.match_field, values[options.match_field])
        } else {
            values
        }
    }
}

fn no_match_key(field: UniqueField) -> FieldError {
    let name = field.name();
    FieldError::new(
        name,
        ErrorCode::InvalidField,
        Reason::NoMatchKey,
        format!(
            "is required, because rows are matched by it: send the device's `{name}`, or send the \
             row in a batch without `on_conflict`"
        ),
    )
}
