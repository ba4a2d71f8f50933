//! One key, with its history.

use actix_web::{HttpRequest, web};
use askama::Template;
use askama_web::WebTemplate;
use chrono::Utc;
use devices_domain::{ApiKey, HistorySubject, KeyId, KeyState};

use crate::error::ConsoleError;
use crate::frame::{Frame, Section};
use crate::pages::history::History;
use crate::query::Query;
use crate::session::AdminAccess;

#[derive(Template, WebTemplate)]
#[template(path = "keys/detail.html")]
pub(super) struct KeyDetail {
    frame: Frame,
    key: ApiKey,
    state: KeyState,
    /// The key is that of the session.
    is_own: bool,
    history: History,
}

pub(super) async fn show(
    request: HttpRequest,
    AdminAccess(signed_in): AdminAccess,
    id: web::Path<i64>,
    Query(query): Query,
) -> Result<KeyDetail, ConsoleError> {
    let (key, _) = super::find(&request, &signed_in, KeyId(*id)).await?;
    let subject = HistorySubject::Key(key.id);
    let history = History::read(&request, &signed_in, subject, &query).await?;
    Ok(KeyDetail {
        frame: Frame::new(&signed_in, Section::Keys, key.name.clone()),
        state: key.state(Utc::now()),
        is_own: key.id == signed_in.actor().key,
        key,
        history,
    })
}
