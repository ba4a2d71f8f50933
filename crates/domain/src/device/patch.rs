//! Patches: changes of a stored device.

use super::fields::{
    CharacteristicsPatch, DEVICE, DeviceFields, FieldIndex, IdentityPatch, InventoryPatch,
    OwnershipPatch, name_of,
};
use super::immutable::ImmutableValues;
use super::unique_fields::PerUniqueField;
use crate::field::{Email, FieldChange, FieldValue, RawRow, UnknownFields, read_change, validate};
use crate::ids::UserId;
use crate::validation::error::{ErrorCode, FieldError, Reason};
use crate::validation::external_refs::ExternalRefs;
use crate::validation::report::ErrorReport;
use crate::validation::row_errors::RowErrors;

/// A valid change of a device: new values for some of its fields.
#[derive(Debug, Clone, PartialEq)]
pub struct DevicePatch {
    pub(super) identity: IdentityPatch,
    pub(super) inventory: InventoryPatch,
    ownership: OwnershipPatch,
    characteristics: CharacteristicsPatch,
    user_email: FieldChange<Option<Email>>,
    immutable: ImmutableValues,
}

impl DevicePatch {
    /// Validates the row of a patch. An absent field keeps its value, null or blank text clears it,
    /// and any other value replaces it.
    ///
    /// # Errors
    /// Returns every error, in the order of the field table, repeated and unknown fields last.
    /// Fields that cannot be cleared are errors, too.
    pub fn from_row(row: &RawRow<'_>, unknown_fields: UnknownFields) -> Result<Self, ErrorReport> {
        let immutable = ImmutableValues::from_row(row);
        Self::read(row, unknown_fields, immutable, ErrorReport::MAX_ENTRIES)
    }

    /// Validates the row like [`from_row`](Self::from_row). `immutable` are the values of its
    /// immutable fields. The report lists at most `max_errors`.
    pub(super) fn read(
        row: &RawRow<'_>,
        unknown_fields: UnknownFields,
        immutable: ImmutableValues,
        max_errors: usize,
    ) -> Result<Self, ErrorReport> {
        let mut report = ErrorReport::new(max_errors);
        let errors = &mut RowErrors::new(&mut report, None);
        let patch = validate(row, &DEVICE, unknown_fields, errors, |reject| {
            let identity = IdentityPatch::read(row, reject);
            let inventory = InventoryPatch::read(row, reject);
            let ownership = OwnershipPatch::read(row, reject);
            let characteristics = CharacteristicsPatch::read(row, reject);
            let user_email = read_change(row, FieldIndex::user_email as usize, reject);
            if let (Some(ownership), Some(user_email)) = (&ownership, &user_email)
                && is_contradictory_assignment(&ownership.user_id, user_email)
            {
                reject(FieldError::new(
                    name_of(FieldIndex::user_email),
                    ErrorCode::InvalidUser,
                    Reason::UserMismatch,
                    "contradicts `user_id`, because only one of them is null: send one of them",
                ));
            }
            Some(Self {
                identity: identity?,
                inventory: inventory?,
                ownership: ownership?,
                characteristics: characteristics?,
                user_email: user_email?,
                immutable,
            })
        });
        patch.ok_or_else(|| report.finish())
    }

    /// Applies the patch to the fields of a device. `email_user` is the user with the `user_email`
    /// of the patch, if it has one.
    ///
    /// # Errors
    /// Returns an error for each immutable field that the patch would change, and the rules that
    /// the changed fields break together.
    pub fn apply(
        &self,
        fields: &DeviceFields,
        email_user: Option<UserId>,
    ) -> Result<DeviceFields, Vec<FieldError>> {
        let mut changed = fields.clone();
        self.identity.apply(&mut changed.identity);
        self.inventory.apply(&mut changed.inventory);
        self.ownership.apply(&mut changed.ownership);
        self.characteristics.apply(&mut changed.characteristics);
        if let FieldChange::Set(email) = &self.user_email {
            changed.ownership.user_id = email.as_ref().and(email_user);
        }
        let mut errors = self.immutable.errors(fields);
        errors.extend(changed.consistency_errors());
        if errors.is_empty() {
            Ok(changed)
        } else {
            Err(errors)
        }
    }

    pub(crate) fn external_refs(&self) -> ExternalRefs<'_> {
        fn new_value<T: FieldValue>(change: &FieldChange<Option<T>>) -> Option<&T> {
            match change {
                FieldChange::Set(value) => value.as_ref(),
                FieldChange::Keep | FieldChange::Merge(_) => None,
            }
        }
        ExternalRefs {
            unique: PerUniqueField::from_fn(|field| field.folded_in_patch(self)),
            user: new_value(&self.ownership.user_id).copied(),
            user_email: new_value(&self.user_email),
        }
    }
}

/// Returns whether one field of a patch assigns the device, and the other clears the assignee.
fn is_contradictory_assignment(
    user_id: &FieldChange<Option<UserId>>,
    user_email: &FieldChange<Option<Email>>,
) -> bool {
    match (user_id, user_email) {
        (FieldChange::Set(user_id), FieldChange::Set(user_email)) => {
            user_id.is_some() != user_email.is_some()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::RawValue;

    #[test]
    fn patch_that_assigns_and_unassigns_is_rejected() {
        let patch = |user_id: RawValue<'static>, user_email: RawValue<'static>| {
            let mut row = RawRow::for_device();
            row.set("user_id", user_id);
            row.set("user_email", user_email);
            DevicePatch::from_row(&row, UnknownFields::Reject)
        };
        let (email, id) = (RawValue::text("ada@example.com"), RawValue::Integer(1));
        assert!(patch(id.clone(), email.clone()).is_ok());
        assert!(patch(RawValue::Null, RawValue::Null).is_ok());
        for rejected in [patch(RawValue::Null, email), patch(id, RawValue::Null)] {
            let report = rejected.unwrap_err();
            assert_eq!(report.entries()[0].error.reason, Reason::UserMismatch);
        }
    }
}
