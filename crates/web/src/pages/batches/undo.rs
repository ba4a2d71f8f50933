//! Undo of a batch: its effect, and its confirmation.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use askama_web::WebTemplate;
use devices_domain::{BatchId, BatchUndo, DeviceId, KeepReason};

use crate::error::ConsoleError;
use crate::form::Form;
use crate::frame::{Frame, Section};
use crate::query::{Pairs, Query};
use crate::respond::see_other;
use crate::run_to_completion::run_to_completion;
use crate::session::WriteAccess;
use crate::texts::{self, EN};

/// Maximum number of kept devices that the page lists.
const MAX_LISTED: usize = 20;

#[derive(Template, WebTemplate)]
#[template(path = "batches/undo.html")]
pub(super) struct UndoPage {
    frame: Frame,
    undo: BatchUndo,
    archived: String,
    include_changed: bool,
    kept: Vec<Kept>,
}

/// Devices that an undo leaves, for one reason.
struct Kept {
    title: String,
    /// The first of them.
    devices: Vec<DeviceId>,
    /// Number of the others.
    more: Option<String>,
}

pub(super) async fn preview(
    request: HttpRequest,
    WriteAccess(signed_in): WriteAccess,
    id: web::Path<i64>,
    Query(query): Query,
) -> Result<UndoPage, ConsoleError> {
    let id = BatchId(*id);
    let include_changed = includes_changed(&query);
    let batches = signed_in.workspace().batches;
    let load = async move { Ok(batches.preview_undo(id, include_changed).await?) };
    let undo = run_to_completion(&request, signed_in.actor(), load).await?;
    let undo = undo.ok_or(ConsoleError::NotFound)?;
    let title = texts::fill(EN.batches.undo_title, &[("number", &id)]);
    Ok(UndoPage {
        frame: Frame::new(&signed_in, Section::Batches, title),
        archived: texts::count(
            undo.archived.len() as u64,
            EN.batches.archives_one,
            EN.batches.archives_other,
        ),
        include_changed,
        kept: kept(&undo),
        undo,
    })
}

/// Carries out an undo. A second one archives nothing more.
pub(super) async fn undo(
    request: HttpRequest,
    WriteAccess(signed_in): WriteAccess,
    id: web::Path<i64>,
    form: Form,
) -> Result<HttpResponse, ConsoleError> {
    let id = BatchId(*id);
    let include_changed = includes_changed(&form.values);
    let batches = signed_in.workspace().batches;
    let origin = signed_in.origin.clone();
    let undo = async move { Ok(batches.undo(id, include_changed, origin).await?) };
    let undone = run_to_completion(&request, signed_in.actor(), undo).await?;
    undone.ok_or(ConsoleError::NotFound)?;
    Ok(see_other(&format!("/batches/{id}?notice=undone")))
}

fn includes_changed(values: &Pairs) -> bool {
    values.get("include_changed") == Some("true")
}

/// Groups the kept devices by their reasons.
fn kept(undo: &BatchUndo) -> Vec<Kept> {
    let groups = KeepReason::ALL.iter().map(|reason| {
        let devices = undo.kept.iter().filter(|kept| kept.reason == *reason);
        let devices: Vec<_> = devices.map(|kept| kept.device_id).collect();
        let (one, other) = match reason {
            KeepReason::ChangedSince => (EN.batches.changed_one, EN.batches.changed_other),
            KeepReason::ArchivedAlready => (EN.batches.archived_one, EN.batches.archived_other),
        };
        let count = devices.len();
        let more = count.saturating_sub(MAX_LISTED) as u64;
        let (one_more, more_other) = (EN.batches.more_one, EN.batches.more_other);
        Kept {
            title: texts::count(count as u64, one, other),
            devices: devices.into_iter().take(MAX_LISTED).collect(),
            more: (more > 0).then(|| texts::count(more, one_more, more_other)),
        }
    });
    groups.filter(|kept| !kept.devices.is_empty()).collect()
}
