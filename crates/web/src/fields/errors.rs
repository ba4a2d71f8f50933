//! Errors of forms, by field.

use devices_domain::{ErrorReport, FieldError, Item, Related};

use super::form_field::RelatedLink;
use crate::PATH;
use crate::texts::{self, EN};

/// The errors of a form.
#[derive(Debug, Default)]
pub(crate) struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// Takes the errors of a report of one object.
    pub(crate) fn new(report: &ErrorReport) -> Self {
        let errors = report.entries().iter();
        Self(errors.map(|entry| entry.error.clone()).collect())
    }

    /// Returns the errors of a field as predicates of its label. `None` if it has none.
    pub(crate) fn of(&self, name: &str) -> Option<String> {
        let messages: Vec<_> = self.of_field(name).map(message).collect();
        (!messages.is_empty()).then(|| messages.join("; "))
    }

    /// Returns the link to the object that has the value of a field.
    pub(crate) fn related(&self, name: &str) -> Option<RelatedLink> {
        self.of_field(name).find_map(related_link)
    }

    /// Returns the errors that belong to none of these fields, as sentences.
    pub(crate) fn others(&self, names: &[&str]) -> Vec<OtherError> {
        let others = self.0.iter().filter(|error| {
            let field = error.field.as_deref();
            field.is_none_or(|field| !names.contains(&field))
        });
        let others = others.map(|error| OtherError {
            message: sentence(error),
            related: related_link(error),
        });
        others.collect()
    }

    fn of_field(&self, name: &str) -> impl Iterator<Item = &FieldError> {
        let errors = self.0.iter();
        errors.filter(move |error| error.field.as_deref() == Some(name))
    }
}

/// An error of a form that belongs to no field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OtherError {
    pub(crate) message: String,
    pub(crate) related: Option<RelatedLink>,
}

impl OtherError {
    /// Creates an error with this message.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            related: None,
        }
    }
}

/// Returns the message of an error without the name of its field.
fn message(error: &FieldError) -> String {
    let detail = &error.detail;
    match &error.item {
        None => detail.clone().into_owned(),
        Some(Item::Index(index)) => texts::fill(
            EN.form.error_in_line,
            &[("line", &(index + 1)), ("error", detail)],
        ),
        Some(Item::Key(key)) => {
            texts::fill(EN.form.error_of_key, &[("key", key), ("error", detail)])
        }
    }
}

/// Returns the message of an error with the label of its field.
pub(crate) fn sentence(error: &FieldError) -> String {
    match &error.field {
        Some(field) if !error.is_sentence() => {
            let label = super::label_of_device_field(field);
            format!("{label} {}", message(error))
        }
        _ => message(error),
    }
}

fn related_link(error: &FieldError) -> Option<RelatedLink> {
    let (path, text) = match error.related? {
        Related::ExistingDevice(id) => (format!("{PATH}/devices/{id}"), EN.form.open_device),
        Related::ExistingUser(id) => (format!("{PATH}/users/{id}"), EN.form.open_user),
        Related::DuplicateOf(_) | Related::DidYouMean(_) => return None,
    };
    Some(RelatedLink {
        path,
        text: text.to_owned(),
    })
}
