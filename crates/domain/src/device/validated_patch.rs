//! Patches whose row is validated on its own.

use super::consistency::ConsistencyChanges;
use super::fields::{DEVICE, DeviceFields, FieldIndex};
use super::immutable::ImmutableValues;
use super::patch::DevicePatch;
use super::rejected_refs::RejectedRefs;
use crate::field::{RawRow, RawValue, UnknownFields, is_empty_value};
use crate::ids::UserId;
use crate::upsert::{BatchOptions, Nulls};
use crate::validation::error::FieldError;
use crate::validation::external_refs::ExternalRefs;
use crate::validation::report::ErrorReport;

/// A patch whose row is validated on its own, without stored data.
#[derive(Debug)]
pub struct ValidatedPatch(pub(crate) Validation);

#[derive(Debug)]
pub(crate) enum Validation {
    Valid(Box<DevicePatch>),
    /// The row has no field.
    Empty,
    Rejected(Box<RejectedPatch>),
}

/// A patch with errors, and what further errors depend on.
#[derive(Debug)]
pub(crate) struct RejectedPatch {
    pub(crate) report: ErrorReport,
    refs: RejectedRefs,
    immutable: ImmutableValues,
    changes: ConsistencyChanges,
}

impl RejectedPatch {
    pub(crate) fn external_refs(&self) -> ExternalRefs<'_> {
        self.refs.external_refs()
    }

    /// Returns the errors that depend on the stored device: changed immutable fields, and rules
    /// that its fields break together with the patch.
    pub(crate) fn errors_for(&self, stored: &DeviceFields) -> Vec<FieldError> {
        let mut errors = self.immutable.errors(stored);
        errors.extend(self.changes.errors(stored));
        errors
    }
}

impl ValidatedPatch {
    /// Validates the row of a patch.
    #[must_use]
    pub fn from_row(row: &RawRow<'_>, unknown_fields: UnknownFields) -> Self {
        let immutable = ImmutableValues::from_row(row);
        Self::validate(row, unknown_fields, immutable, ErrorReport::MAX_ENTRIES)
    }

    /// Validates the row of a batch as a patch of the device that it matches. Lists at most
    /// `max_errors`.
    pub(crate) fn from_batch_row(
        row: &RawRow<'_>,
        unknown_fields: UnknownFields,
        options: BatchOptions,
        max_errors: usize,
    ) -> Self {
        let mut row = row.clone();
        for index in 0..DEVICE.fields.len() {
            let name = DEVICE.fields[index].name();
            // The match field has the stored value, perhaps in another spelling.
            let is_ignored = index == FieldIndex::added_via as usize
                || name == options.match_field.name()
                || options.nulls == Nulls::Keep && is_empty_value(row.value(index));
            if is_ignored {
                row.set_value(index, RawValue::Absent);
            } else if options.nulls == Nulls::Keep
                && let RawValue::Object(members) = row.value(index)
            {
                let kept = members.iter().filter(|(_, value)| !is_empty_value(value));
                let kept = RawValue::Object(kept.cloned().collect());
                row.set_value(index, kept);
            }
        }
        let immutable = ImmutableValues::from_row(&row).ignoring_case();
        Self::validate(&row, unknown_fields, immutable, max_errors)
    }

    fn validate(
        row: &RawRow<'_>,
        unknown_fields: UnknownFields,
        immutable: ImmutableValues,
        max_errors: usize,
    ) -> Self {
        Self(
            match DevicePatch::read(row, unknown_fields, immutable.clone(), max_errors) {
                Ok(_) if row.present_fields().next().is_none() => Validation::Empty,
                Ok(patch) => Validation::Valid(Box::new(patch)),
                Err(report) => Validation::Rejected(Box::new(RejectedPatch {
                    report,
                    refs: RejectedRefs::from_row(row),
                    immutable,
                    changes: ConsistencyChanges::from_row(row),
                })),
            },
        )
    }

    /// Returns the number of listed errors of the row.
    pub(crate) fn listed_errors(&self) -> usize {
        match &self.0 {
            Validation::Rejected(rejected) => rejected.report.entries().len(),
            Validation::Valid(_) | Validation::Empty => 0,
        }
    }

    /// Returns the references of the patch to stored data.
    pub(crate) fn external_refs(&self) -> ExternalRefs<'_> {
        match &self.0 {
            Validation::Valid(patch) => patch.external_refs(),
            Validation::Rejected(rejected) => rejected.external_refs(),
            Validation::Empty => ExternalRefs::default(),
        }
    }

    /// Applies the patch, as [`DevicePatch::apply`] does. A patch without fields changes nothing.
    ///
    /// # Errors
    /// Returns every error of the patch, including those of its row.
    pub(crate) fn apply(
        &self,
        stored: &DeviceFields,
        email_user: Option<UserId>,
    ) -> Result<DeviceFields, Vec<FieldError>> {
        match &self.0 {
            Validation::Valid(patch) => patch.apply(stored, email_user),
            Validation::Empty => Ok(stored.clone()),
            Validation::Rejected(rejected) => {
                let mut errors = rejected.report.clone().into_field_errors();
                errors.extend(rejected.errors_for(stored));
                Err(errors)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::NewDevice;
    use crate::validation::error::Reason;

    const STORED: [(&str, &str); 6] = [
        ("name", "LT-1"),
        ("type", "Laptop"),
        ("category", "computers"),
        ("serial_number", "S1"),
        ("comment", "dock"),
        ("added_via", "MASS_IMPORT"),
    ];

    fn row(fields: &[(&'static str, RawValue<'static>)]) -> RawRow<'static> {
        let mut row = RawRow::for_device();
        for (name, value) in fields {
            row.set(*name, value.clone());
        }
        row
    }

    fn stored() -> DeviceFields {
        let mut stored: Vec<_> = STORED
            .map(|(name, text)| (name, RawValue::text(text)))
            .into();
        let room = ("Room".into(), RawValue::text("4"));
        stored.push(("attributes", RawValue::Object(vec![room])));
        NewDevice::from_row(&row(&stored)).unwrap().fields
    }

    fn changed(nulls: Nulls, sent: &[(&'static str, RawValue<'static>)]) -> Vec<&'static str> {
        let options = BatchOptions {
            nulls,
            ..BatchOptions::default()
        };
        let patch = ValidatedPatch::from_batch_row(&row(sent), UnknownFields::Reject, options, 10);
        let after = patch.apply(&stored(), None).unwrap();
        stored().changed_field_names(&after)
    }

    #[test]
    fn batch_row_keeps_or_clears_fields_without_a_value() {
        let room = ("Room".into(), RawValue::Null);
        let sent = [
            ("serial_number", RawValue::text("s1")),
            ("comment", RawValue::Null),
            ("attributes", RawValue::Object(vec![room])),
        ];
        assert_eq!(changed(Nulls::Keep, &sent), [""; 0]);
        assert_eq!(changed(Nulls::Clear, &sent), ["comment", "attributes"]);
    }

    #[test]
    fn immutable_fields_may_differ_in_case() {
        let sent = [
            ("type", RawValue::text("LAPTOP")),
            ("category", RawValue::text("Computers")),
            ("added_via", RawValue::text("ONBOARDING")),
        ];
        assert_eq!(changed(Nulls::Keep, &sent), [""; 0]);
        let patch = ValidatedPatch::from_batch_row(
            &row(&[
                ("type", RawValue::text("phone")),
                ("ram", RawValue::Integer(1)),
            ]),
            UnknownFields::Reject,
            BatchOptions::default(),
            10,
        );
        let errors = patch.apply(&stored(), None).unwrap_err();
        let reasons: Vec<Reason> = errors.into_iter().map(|error| error.reason).collect();
        assert_eq!(reasons, [Reason::WrongType, Reason::ImmutableField]);
    }
}
