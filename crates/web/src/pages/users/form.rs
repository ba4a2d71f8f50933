//! Form of a user.

use askama::Template;
use devices_domain::{RawRow, UserId, user_fields};

use crate::PATH;
use crate::fields::{FieldErrors, FormField, OtherError, base_name};
use crate::frame::{Frame, Section};
use crate::query::Pairs;
use crate::session::SignedIn;
use crate::texts::EN;

/// Form of a new user, or of an existing one.
#[derive(Template)]
#[template(path = "users/form.html")]
pub(super) struct UserForm {
    frame: Frame,
    /// Path to which the form is sent, and that of the page without the changes.
    pub(super) action: String,
    cancel: String,
    submit: &'static str,
    /// Message above the form about changes of others.
    pub(super) warning: Option<String>,
    pub(super) fields: Vec<FormField>,
    pub(super) others: Vec<OtherError>,
    /// Names and values with which the form was rendered, for the detection of changes of others.
    pub(super) hidden: Vec<(String, String)>,
}

impl UserForm {
    /// Creates the form of a new user.
    pub(super) fn new(signed_in: &SignedIn) -> Self {
        Self {
            frame: Frame::new(signed_in, Section::Users, EN.users.new_user),
            action: format!("{PATH}/users"),
            cancel: format!("{PATH}/users"),
            submit: EN.users.create,
            warning: None,
            fields: fields(&RawRow::for_user()),
            others: Vec::new(),
            hidden: Vec::new(),
        }
    }

    /// Creates the form of an existing user with these values.
    pub(super) fn of(signed_in: &SignedIn, id: UserId, stored: &RawRow<'_>) -> Self {
        let fields = fields(stored);
        let bases = fields.iter();
        let bases = bases.map(|field| (base_name(field.name), field.value.clone()));
        Self {
            frame: Frame::new(signed_in, Section::Users, EN.users.edit_user),
            action: format!("{PATH}/users/{id}"),
            cancel: format!("{PATH}/users/{id}"),
            submit: EN.common.save,
            warning: None,
            hidden: bases.collect(),
            fields,
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
        for (name, value) in &mut self.hidden {
            if let Some(sent) = sent.raw(name) {
                sent.clone_into(value);
            }
        }
        self
    }
}

fn fields(row: &RawRow<'_>) -> Vec<FormField> {
    let fields = user_fields().iter();
    let fields = fields.map(|field| FormField::new(field, row.get(field.name())));
    fields.collect()
}
