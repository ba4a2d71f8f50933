//! Fields of devices, users and enrolments on pages: their labels, values and form controls.
//!
//! Everything is derived from the field tables of the domain. A new field appears in lists, forms
//! and details without a change here.

mod control;
mod label;
mod value;

use devices_domain::{Characteristics, Field, Identity, Inventory, Ownership};

pub(crate) use control::{Control, FormField, has_errors, read_row};
pub(crate) use label::{label, label_of_device_field, words};
pub(crate) use value::Value;

/// Group of fields of a device.
pub(crate) struct FieldGroup {
    pub(crate) title: &'static str,
    pub(crate) fields: &'static [Field],
}

/// All groups of stored fields of a device, in the order of the field table.
pub(crate) const DEVICE_GROUPS: [FieldGroup; 4] = [
    FieldGroup {
        title: "Identity",
        fields: Identity::FIELDS,
    },
    FieldGroup {
        title: "Inventory",
        fields: Inventory::FIELDS,
    },
    FieldGroup {
        title: "Ownership",
        fields: Ownership::FIELDS,
    },
    FieldGroup {
        title: "Characteristics",
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
