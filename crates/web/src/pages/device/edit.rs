//! Changes of the fields of a device.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use devices_domain::{
    DeviceId, Field, HistorySubject, Precondition, RawRow, StoredDevice, UnknownFields,
    UpdateDevice, UpdateDeviceError, ValidatedPatch,
};

use super::compare::Comparison;
use super::form::{DeviceForm, editable_fields};
use super::notice::Notice;
use super::{DeviceHead, find, precondition};
use crate::error::ConsoleError;
use crate::fields::{
    DEVICE_GROUPS, FieldErrors, OtherError, Value, base, change_row, is_same_value, values,
};
use crate::form::Form;
use crate::frame::{Frame, Section};
use crate::pages::history::last_author;
use crate::query::Pairs;
use crate::respond;
use crate::run_to_completion::run_to_completion;
use crate::session::{SignedIn, WriteAccess};
use crate::texts::{self, EN};

/// Maximum number of attempts to save a form without conflicts while others change the device.
const MAX_ATTEMPTS: usize = 5;

#[derive(Template)]
#[template(path = "device/edit.html")]
struct EditPage {
    frame: Frame,
    head: DeviceHead,
    /// Revision from which the form started.
    revision: i64,
    form: DeviceForm,
    /// Labels and values of the immutable fields.
    fixed: Vec<(String, Value)>,
}

/// Change of a field in a form.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) field: &'static Field,
    /// Text with which the form was shown.
    pub(super) base: String,
    /// Text that was sent.
    pub(super) after: String,
    /// Text from which the user started, before somebody else changed the field.
    pub(super) start: String,
    /// `true` if the user was asked to choose a value, and did not.
    pub(super) is_undecided: bool,
}

/// Shows the form of a device.
pub(super) async fn show(
    request: HttpRequest,
    WriteAccess(signed_in): WriteAccess,
    id: web::Path<i64>,
) -> Result<HttpResponse, ConsoleError> {
    let stored = find(&request, &signed_in, DeviceId(*id)).await?;
    if stored.archived_at.is_some() {
        return Ok(respond::see_other(&format!("/devices/{id}")));
    }
    let page = EditPage::new(&signed_in, &stored);
    respond::page(StatusCode::OK, &page)
}

/// Saves the changes of a form. Fields that only somebody else has changed since the form was shown
/// keep their values. Asks about fields that both changed.
pub(super) async fn save(
    request: HttpRequest,
    WriteAccess(signed_in): WriteAccess,
    id: web::Path<i64>,
    form: Form,
) -> Result<HttpResponse, ConsoleError> {
    let (id, sent) = (DeviceId(*id), &form.values);
    let mut precondition = precondition(sent)?;
    let mut changes = changes(sent);
    if changes.iter().any(|change| change.is_undecided) {
        let stored = find(&request, &signed_in, id).await?;
        return compare(&request, &signed_in, &changes, &stored, sent).await;
    }
    let mut saved = Notice::Saved;
    for _ in 0..MAX_ATTEMPTS {
        if changes.is_empty() {
            return Ok(Notice::Unchanged.respond(id));
        }
        match update(&request, &signed_in, id, patch(&changes), precondition).await? {
            Ok(_) => return Ok(saved.respond(id)),
            Err(UpdateDeviceError::PreconditionFailed) => {
                let stored = find(&request, &signed_in, id).await?;
                let comparison = Comparison::new(&changes, &stored);
                if comparison.has_conflicts() {
                    return compare(&request, &signed_in, &changes, &stored, sent).await;
                }
                let remaining = comparison.remaining();
                if remaining.is_empty() {
                    // The form was sent twice.
                    return Ok(saved.respond(id));
                }
                saved = Notice::Merged;
                precondition = Precondition::AnyOf(vec![stored.revision()]);
                changes = remaining;
            }
            Err(error) => return reject(&request, &signed_in, id, sent, error).await,
        }
    }
    Err(ConsoleError::Busy("others keep changing the device"))
}

/// Applies a patch to a device.
pub(super) async fn update(
    request: &HttpRequest,
    signed_in: &SignedIn,
    id: DeviceId,
    row: RawRow<'_>,
    precondition: Precondition,
) -> Result<Result<StoredDevice, UpdateDeviceError>, ConsoleError> {
    let patch = ValidatedPatch::from_row(&row, UnknownFields::Reject);
    let use_case = UpdateDevice::new(signed_in.workspace().devices);
    let origin = signed_in.origin.clone();
    let update = async move { Ok(use_case.execute(id, patch, precondition, origin).await) };
    run_to_completion(request, signed_in.actor(), update).await
}

/// Shows the form again, with its errors.
async fn reject(
    request: &HttpRequest,
    signed_in: &SignedIn,
    id: DeviceId,
    sent: &Pairs,
    error: UpdateDeviceError,
) -> Result<HttpResponse, ConsoleError> {
    let (status, errors, other) = match error {
        UpdateDeviceError::Rejected(report) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            FieldErrors::new(&report),
            None,
        ),
        UpdateDeviceError::Archived => (
            StatusCode::CONFLICT,
            FieldErrors::default(),
            Some(EN.device_form.archived),
        ),
        UpdateDeviceError::NotFound => return Err(ConsoleError::NotFound),
        UpdateDeviceError::Repository(error) => return Err(error.into()),
        UpdateDeviceError::Empty | UpdateDeviceError::PreconditionFailed => {
            return Err(ConsoleError::Internal(error.into()));
        }
    };
    let stored = find(request, signed_in, id).await?;
    let mut page = EditPage::new(signed_in, &stored);
    page.form = page.form.with_errors(&without_discarded(sent), &errors);
    page.form.others.extend(other.map(OtherError::new));
    if let Some(revision) = sent.get("revision").and_then(|text| text.parse().ok()) {
        page.revision = revision;
    }
    respond::page(status, &page)
}

async fn compare(
    request: &HttpRequest,
    signed_in: &SignedIn,
    changes: &[Change],
    stored: &StoredDevice,
    sent: &Pairs,
) -> Result<HttpResponse, ConsoleError> {
    let name = stored.device.fields.identity.name.as_str();
    let title = texts::fill(EN.device_compare.title, &[("name", &name)]);
    let frame = Frame::new(signed_in, Section::Devices, title);
    let subject = HistorySubject::Device(stored.device.id);
    let author = last_author(request, signed_in, subject).await?;
    let page = Comparison::new(changes, stored).into_page(frame, author, sent);
    respond::page(StatusCode::CONFLICT, &page)
}

impl EditPage {
    fn new(signed_in: &SignedIn, stored: &StoredDevice) -> Self {
        let head = DeviceHead::new(stored);
        let title = texts::fill(EN.device_form.edit_title, &[("name", &head.name)]);
        let row = stored.device.fields.to_row();
        let fixed = DEVICE_GROUPS.iter().flat_map(|group| group.fields);
        let fixed = fixed.filter(|field| field.is_immutable());
        Self {
            frame: Frame::new(signed_in, Section::Devices, title),
            revision: head.revision,
            head,
            form: DeviceForm::for_stored(&row),
            fixed: values(fixed, &row),
        }
    }
}

/// Returns whether the user chose the stored value of a field.
fn is_discarded(sent: &Pairs, name: &str) -> bool {
    sent.get(&format!("choice.{name}")) == Some("theirs")
}

/// Returns the values of a form, without the fields whose stored value the user chose.
fn without_discarded(sent: &Pairs) -> Pairs {
    let names = editable_fields().map(Field::name);
    let discarded: Vec<_> = names.filter(|name| is_discarded(sent, name)).collect();
    let kept = sent.0.iter();
    let kept = kept.filter(|(name, _)| !discarded.contains(&name.as_str()));
    Pairs(kept.cloned().collect())
}

/// Returns the changes of a form. Leaves out fields whose stored value the user chose.
fn changes(sent: &Pairs) -> Vec<Change> {
    let asked: Vec<_> = sent.all("ask").collect();
    let changes = editable_fields().filter_map(|field| {
        let after = sent.raw(field.name())?;
        let base = base(sent, field);
        let choice = sent.get(&format!("choice.{}", field.name()));
        let start = sent.raw(&format!("start.{}", field.name()));
        let is_changed = !is_same_value(field, base, after) && !is_discarded(sent, field.name());
        is_changed.then(|| Change {
            field,
            base: base.to_owned(),
            after: after.to_owned(),
            start: start.unwrap_or(base).to_owned(),
            is_undecided: asked.contains(&field.name()) && choice != Some("mine"),
        })
    });
    changes.collect()
}

fn patch(changes: &[Change]) -> RawRow<'static> {
    let mut row = RawRow::for_device();
    for change in changes {
        change_row(&mut row, change.field, &change.base, &change.after);
    }
    row
}
