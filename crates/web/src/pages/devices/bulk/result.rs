//! Result of a change.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use devices_domain::{BulkAction, BulkChange, BulkPreview};

use super::{BULK, BulkRequest, bulk_address, confirm};
use crate::PATH;
use crate::error::ConsoleError;
use crate::frame::{Frame, Section};
use crate::pages::devices::action::{self, ActionKind, RequestedAction};
use crate::query::Query;
use crate::respond;
use crate::run_to_completion::run_to_completion;
use crate::session::WriteAccess;
use crate::texts::{self, EN};

#[derive(Template)]
#[template(path = "devices/bulk_result.html")]
struct ResultPage {
    frame: Frame,
    title: String,
    /// Number of devices that have the requested state.
    done: String,
    /// Number of devices that do not have it. `None` if all have it.
    not_done: Option<String>,
    back: String,
    undo: Option<Undo>,
}

/// Link to the confirmation of the change that undoes the requested one.
struct Undo {
    text: String,
    href: String,
}

/// `GET /devices/bulk/result`: shows how many devices have the requested state now. The page reads
/// this from the devices: its address can come from anywhere.
pub(in crate::pages::devices) async fn result(
    request: HttpRequest,
    WriteAccess(signed_in): WriteAccess,
    Query(query): Query,
) -> Result<HttpResponse, ConsoleError> {
    let bulk = BulkRequest::read(&query)?;
    let RequestedAction::Complete(action) = bulk.action.with_value(&query) else {
        return Err(ConsoleError::MalformedForm("no value"));
    };
    let origin = signed_in.origin.clone();
    let change = BulkChange::new(bulk.selection.devices(), action.clone(), origin);
    let change = change.map_err(|_| ConsoleError::MalformedForm("invalid devices"))?;
    let (users, devices) = (signed_in.workspace().users, signed_in.workspace().devices);
    let user = match action {
        BulkAction::Assign(user) => user,
        _ => None,
    };
    let task = async move {
        let assignee = match user {
            Some(user) => users.find(user).await?,
            None => None,
        };
        let state = devices.preview_change_many(Arc::new(change)).await?;
        Ok((assignee, state))
    };
    let (assignee, state) = run_to_completion(&request, signed_in.actor(), task).await?;
    let page = ResultPage {
        frame: Frame::new(&signed_in, Section::Devices, EN.bulk.result),
        title: confirm::title(&action, assignee.as_ref()),
        done: texts::count(
            state.unchanged.len() as u64,
            EN.bulk.done_one,
            EN.bulk.done_other,
        ),
        not_done: not_done(&state),
        back: bulk.back_address(),
        undo: action.inverse().map(|inverse| undo(&bulk, &inverse)),
    };
    respond::page(StatusCode::OK, &page)
}

fn not_done(state: &BulkPreview) -> Option<String> {
    let count = state.changed.len() + state.rejected.len();
    let texts = &EN.bulk;
    (count > 0).then(|| texts::count(count as u64, texts.not_done_one, texts.not_done_other))
}

fn undo(bulk: &BulkRequest, inverse: &BulkAction) -> Undo {
    let action = ActionKind::of(inverse).text();
    let parameters = action::parameters(inverse);
    let path = bulk_address(BULK, parameters, &bulk.selection, &bulk.back);
    Undo {
        text: texts::fill(EN.bulk.undo, &[("action", &action)]),
        href: format!("{PATH}{path}"),
    }
}
