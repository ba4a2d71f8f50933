//! Fields of devices, users and enrolments on pages: their labels, values and form controls.
//!
//! Everything is derived from the field tables of the domain. A new field appears in lists, forms
//! and details without a change here.

mod control;
mod errors;
mod form_field;
mod form_text;
mod label;
mod merge;
mod value;

use devices_domain::{Characteristics, Field, Identity, Inventory, Ownership};

pub(crate) use control::{Choice, Control};
pub(crate) use errors::{FieldErrors, OtherError, sentence};
pub(crate) use form_field::{FormField, RelatedLink, described_by, has_errors};
pub(crate) use form_text::{change_row, form_text, is_same_value, read_row};
pub(crate) use label::{label, label_of_any_field, label_of_device_field, words};
pub(crate) use merge::{Merge, base, base_name};
pub(crate) use value::{Value, filled_values, values};

use crate::texts::EN;

/// Group of fields of a device.
pub(crate) struct FieldGroup {
    pub(crate) title: &'static str,
    pub(crate) fields: &'static [Field],
}

/// All groups of stored fields of a device, in the order of the field table.
pub(crate) static DEVICE_GROUPS: [FieldGroup; 4] = [
    FieldGroup {
        title: EN.field_groups.identity,
        fields: Identity::FIELDS,
    },
    FieldGroup {
        title: EN.field_groups.inventory,
        fields: Inventory::FIELDS,
    },
    FieldGroup {
        title: EN.field_groups.ownership,
        fields: Ownership::FIELDS,
    },
    FieldGroup {
        title: EN.field_groups.characteristics,
        fields: Characteristics::FIELDS,
    },
];

#[cfg(test)]
mod tests {
    use devices_domain::fields;

    use super::*;

    #[test]
    fn groups_have_all_stored_fields() {
        let grouped = DEVICE_GROUPS.iter().flat_map(|group| group.fields);
        let grouped: Vec<_> = grouped.map(Field::name).collect();
        let stored = fields().iter().map(Field::name);
        let stored: Vec<_> = stored.filter(|name| *name != "user_email").collect();
        assert_eq!(grouped, stored);
    }
}
