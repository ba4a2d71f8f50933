//! Forms of devices: all fields of a new one, and those of a stored one that can be changed.

use devices_domain::{Field, Format, RawRow, RawValue, field};

use crate::fields::{DEVICE_GROUPS, FieldErrors, FormField, OtherError, base_name};
use crate::query::Pairs;
use crate::texts::EN;

/// Form of a device.
pub(super) struct DeviceForm {
    /// Fields of all groups, in order.
    pub(super) fields: Vec<FormField>,
    /// Titles and numbers of fields of the groups.
    groups: Vec<(&'static str, usize)>,
    /// Errors that belong to no field.
    pub(super) others: Vec<OtherError>,
    /// Names and texts of hidden values.
    pub(super) hidden: Vec<(String, String)>,
}

/// Fields of a form under a title.
pub(super) struct FormGroup<'f> {
    pub(super) title: &'static str,
    pub(super) fields: &'f [FormField],
}

impl DeviceForm {
    /// Creates the form of a new device, the required fields first.
    pub(super) fn for_new() -> Self {
        let absent = RawValue::Absent;
        let is_in = |is_required: bool| move |f: &&'static Field| f.is_required() == is_required;
        let all = || DEVICE_GROUPS.iter().flat_map(|group| group.fields);
        let required: Vec<_> = all().filter(is_in(true)).collect();
        let mut groups = vec![(EN.device_form.required_group, required)];
        groups.extend(DEVICE_GROUPS.iter().map(|group| {
            let fields = group.fields.iter().filter(is_in(false));
            (group.title, fields.filter_map(enterable).collect())
        }));
        Self::new(groups, |field| FormField::new(field, &absent))
    }

    /// Creates the form of a stored device. Its hidden values are the same as the shown ones: the
    /// values from which the user starts.
    pub(super) fn for_stored(row: &RawRow<'_>) -> Self {
        let groups = DEVICE_GROUPS.iter().map(|group| {
            let fields = group.fields.iter().filter(|field| is_editable(field));
            (group.title, fields.collect())
        });
        let mut form = Self::new(groups.collect(), |field| {
            FormField::new(field, row.get(field.name()))
        });
        let values = form.fields.iter();
        let values = values.filter(|field| !field.value.is_empty());
        let bases = values.map(|field| (base_name(field.name), field.value.clone()));
        form.hidden = bases.collect();
        form
    }

    fn new(
        groups: Vec<(&'static str, Vec<&'static Field>)>,
        form_field: impl Fn(&'static Field) -> FormField,
    ) -> Self {
        let sizes = groups.iter().map(|(title, fields)| (*title, fields.len()));
        Self {
            groups: sizes.collect(),
            fields: groups
                .into_iter()
                .flat_map(|(_, fields)| fields)
                .map(form_field)
                .collect(),
            others: Vec::new(),
            hidden: Vec::new(),
        }
    }

    /// Shows the values that were sent, and their errors. Their hidden values stay as they were
    /// sent. Fields that were not sent keep their stored values, as shown and as hidden ones.
    #[must_use]
    pub(super) fn with_errors(mut self, sent: &Pairs, errors: &FieldErrors) -> Self {
        let names: Vec<_> = self.fields.iter().map(|field| field.name).collect();
        let fields = self.fields.into_iter();
        self.fields = fields
            .map(|field| field.with_errors(sent, errors))
            .collect();
        self.others = errors.others(&names);
        let stored = Pairs(self.hidden);
        let bases = names.iter().filter_map(|name| {
            let base = base_name(name);
            let values = sent.raw(name).map_or(&stored, |_| sent);
            let value = values.raw(&base)?.to_owned();
            Some((base, value))
        });
        self.hidden = bases.collect();
        self
    }

    /// Returns the groups that have fields.
    pub(super) fn groups(&self) -> Vec<FormGroup<'_>> {
        let mut rest = self.fields.as_slice();
        let mut groups = Vec::with_capacity(self.groups.len());
        for &(title, size) in &self.groups {
            let (fields, others) = rest.split_at(size);
            rest = others;
            if !fields.is_empty() {
                groups.push(FormGroup { title, fields });
            }
        }
        groups
    }
}

/// Returns the fields that the form of a new device can have.
pub(super) fn new_device_fields() -> Vec<&'static Field> {
    let all = DEVICE_GROUPS.iter().flat_map(|group| group.fields);
    all.filter_map(enterable).collect()
}

/// Returns the field that people can enter: the email address of the assignee for its id.
fn enterable(given: &'static Field) -> Option<&'static Field> {
    match given.format() {
        Format::Id => field("user_email"),
        _ => Some(given),
    }
}

/// Returns the fields of the form of a stored device. Its assignee is changed on another
/// page.
pub(super) fn editable_fields() -> impl Iterator<Item = &'static Field> {
    let all = DEVICE_GROUPS.iter().flat_map(|group| group.fields);
    all.filter(|field| is_editable(field))
}

fn is_editable(field: &Field) -> bool {
    !field.is_immutable() && field.format() != Format::Id
}
