//! Fields in forms.

use devices_domain::{Field, RawValue};

use super::control::{Control, control, default_text, hint};
use super::errors::FieldErrors;
use super::form_text::form_text;
use super::label::label;
use crate::query::Pairs;

/// A field in a form, with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FormField {
    pub(crate) name: &'static str,
    pub(crate) label: String,
    /// Empty for none.
    pub(crate) hint: String,
    pub(crate) control: Control,
    pub(crate) is_required: bool,
    pub(crate) value: String,
    pub(crate) error: Option<String>,
    /// Page of the object with which the value conflicts.
    pub(crate) related: Option<RelatedLink>,
}

/// Link to the object with which a value conflicts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RelatedLink {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl FormField {
    /// Creates the form field of a stored value. A field without a value has its default.
    pub(crate) fn new(field: &'static Field, raw: &RawValue<'_>) -> Self {
        let value = form_text(raw);
        let value = if value.is_empty() {
            default_text(field).to_owned()
        } else {
            value
        };
        Self {
            name: field.name(),
            label: label(field),
            hint: hint(field).to_owned(),
            control: control(field),
            is_required: field.is_required(),
            value,
            error: None,
            related: None,
        }
    }

    /// Shows the value that was sent, and its errors in a report.
    #[must_use]
    pub(crate) fn with_errors(mut self, sent: &Pairs, errors: &FieldErrors) -> Self {
        if let Some(value) = sent.raw(self.name) {
            value.clone_into(&mut self.value);
        }
        self.error = errors.of(self.name);
        self.related = errors.related(self.name);
        self
    }

    /// Returns the ids of the elements that describe the control. Empty for none.
    pub(crate) fn described_by(&self) -> String {
        described_by(self.name, !self.hint.is_empty(), self.error.is_some())
    }
}

/// Returns the ids of the hint and of the error of a control. Empty for none.
pub(crate) fn described_by(name: &str, has_hint: bool, has_error: bool) -> String {
    let hint = has_hint.then(|| format!("hint-{name}"));
    let error = has_error.then(|| format!("error-{name}"));
    let ids: Vec<_> = hint.into_iter().chain(error).collect();
    ids.join(" ")
}

/// Returns whether one of the fields of a form has an error.
pub(crate) fn has_errors<'f>(fields: impl IntoIterator<Item = &'f FormField>) -> bool {
    fields.into_iter().any(|field| field.error.is_some())
}
