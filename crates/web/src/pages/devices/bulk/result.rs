//! Result of a change.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use devices_domain::{BulkAction, User};

use super::{BulkRequest, confirm, parameters};
use crate::error::ConsoleError;
use crate::frame::{Frame, Section};
use crate::pages::devices::action::{self, ActionName, RequestedAction};
use crate::query::Query;
use crate::respond;
use crate::run_to_completion::run_to_completion;
use crate::session::Editor;
use crate::texts::{self, EN};

#[derive(Template)]
#[template(path = "devices/bulk_result.html")]
struct ResultPage {
    frame: Frame,
    title: String,
    back: String,
    undo: Option<Undo>,
}

/// The change that undoes the one that was carried out.
struct Undo {
    text: String,
    hidden: Vec<(String, String)>,
}

/// `GET /devices/bulk/result`.
pub(in crate::pages::devices) async fn result(
    request: HttpRequest,
    Editor(signed_in): Editor,
    Query(query): Query,
) -> Result<HttpResponse, ConsoleError> {
    let bulk = BulkRequest::read(&query)?;
    let RequestedAction::Complete(action) = bulk.action.with_value(&query) else {
        return Err(ConsoleError::MalformedForm("no value"));
    };
    let users = signed_in.workspace().users;
    let user = match action {
        BulkAction::Assign(user) => user,
        _ => None,
    };
    let task = async move {
        match user {
            Some(user) => Ok(users.find(user).await?),
            None => Ok(None),
        }
    };
    let assignee = run_to_completion(&request, signed_in.actor(), task).await?;
    respond::page(
        StatusCode::OK,
        &page(&signed_in, &bulk, &action, assignee.as_ref()),
    )
}

fn page(
    signed_in: &crate::session::SignedIn,
    bulk: &BulkRequest,
    action: &BulkAction,
    assignee: Option<&User>,
) -> ResultPage {
    let texts = &EN.bulk;
    let count = bulk.selection.len() as u64;
    let undo = action.inverse().map(|inverse| Undo {
        text: undo_text(&inverse),
        hidden: parameters(action::parameters(&inverse), &bulk.selection, &bulk.back).0,
    });
    ResultPage {
        frame: Frame::new(signed_in, Section::Devices, texts.result)
            .with_notice(Some(texts::count(count, texts.done_one, texts.done_other))),
        title: confirm::title(action, assignee),
        back: bulk.back_address(),
        undo,
    }
}

fn undo_text(inverse: &BulkAction) -> String {
    let text = ActionName::of(inverse).text();
    texts::fill(EN.bulk.undo, &[("action", &text)])
}
