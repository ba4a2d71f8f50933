//! Form of a new key.

use askama::Template;
use devices_domain::{KeyId, NewKeyFields, RawRow, RawValue};

use crate::fields::{Choice, Control, FieldErrors, FormField, OtherError};
use crate::frame::{Frame, Section};
use crate::query::Pairs;
use crate::session::SignedIn;
use crate::texts::EN;

/// Form of a new key.
#[derive(Template)]
#[template(path = "keys/form.html")]
pub(super) struct KeyForm {
    frame: Frame,
    /// Newest key when the form was rendered.
    newest: Option<KeyId>,
    /// Key that the same form may have created.
    pub(super) duplicate: Option<Duplicate>,
    fields: Vec<FormField>,
    others: Vec<OtherError>,
}

/// Key that the same form may have created.
pub(super) struct Duplicate {
    pub(super) id: KeyId,
    pub(super) message: String,
}

impl KeyForm {
    pub(super) fn new(signed_in: &SignedIn, newest: Option<KeyId>) -> Self {
        let fields = NewKeyFields::FIELDS.iter();
        let fields = fields.map(|field| {
            let form_field = FormField::new(field, &RawValue::Absent);
            match field.name() {
                "expires_in" => with_choices(form_field, &lifetimes(), "90d"),
                "scope" => FormField {
                    hint: EN.keys.scope_hint.to_owned(),
                    ..form_field
                },
                "name" => FormField {
                    hint: EN.keys.name_hint.to_owned(),
                    ..form_field
                },
                _ => form_field,
            }
        });
        Self {
            frame: Frame::new(signed_in, Section::Keys, EN.keys.new_key),
            newest,
            duplicate: None,
            fields: fields.collect(),
            others: Vec::new(),
        }
    }

    /// Shows the values that were sent, with their errors.
    #[must_use]
    pub(super) fn with_errors(mut self, sent: &Pairs, errors: &FieldErrors) -> Self {
        let fields = self.fields.into_iter();
        self.fields = fields
            .map(|field| field.with_errors(sent, errors))
            .collect();
        let names: Vec<_> = self.fields.iter().map(|field| field.name).collect();
        self.others = errors.others(&names);
        self
    }
}

/// Lifetimes of a new key, with their labels.
fn lifetimes() -> [(&'static str, &'static str); 5] {
    let texts = &EN.keys;
    [
        ("7d", texts.days_7),
        ("30d", texts.days_30),
        ("90d", texts.days_90),
        ("365d", texts.days_365),
        ("", texts.never),
    ]
}

/// Replaces the control of a field by a choice.
pub(super) fn with_choices(
    field: FormField,
    choices: &[(&str, &str)],
    selected: &str,
) -> FormField {
    let choices = choices.iter().map(|(value, label)| Choice {
        value: (*value).to_owned(),
        label: (*label).to_owned(),
    });
    FormField {
        control: Control::Choice(choices.collect()),
        value: selected.to_owned(),
        hint: String::new(),
        ..field
    }
}

/// Fills a row with the values of a form. An empty value is absent.
pub(super) fn fill(row: &mut RawRow<'_>, names: &[&'static str], sent: &Pairs) {
    for name in names {
        if let Some(value) = sent.get(name) {
            row.set_text(*name, value.to_owned());
        }
    }
}
