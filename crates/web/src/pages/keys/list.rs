//! List of keys.

use actix_web::HttpRequest;
use askama::Template;
use askama_web::WebTemplate;
use chrono::Utc;
use devices_domain::{ApiKey, KeyId, KeyState, PageRequest};

use crate::error::ConsoleError;
use crate::frame::{Frame, Section};
use crate::pages::paging::{self, NOTICE, Pager};
use crate::query::{Pairs, Query};
use crate::run_to_completion::run_to_completion;
use crate::session::AdminAccess;
use crate::texts::{self, EN};

#[derive(Template, WebTemplate)]
#[template(path = "keys/list.html")]
pub(super) struct KeyList {
    frame: Frame,
    /// Key of the session.
    own: KeyId,
    count: String,
    keys: Vec<(ApiKey, KeyState)>,
    pager: Pager,
}

pub(super) async fn list(
    request: HttpRequest,
    AdminAccess(signed_in): AdminAccess,
    Query(query): Query,
) -> Result<KeyList, ConsoleError> {
    let paging = PageRequest {
        limit: paging::LIMIT,
        start: paging::start(&query),
    };
    let keys = signed_in.workspace().keys;
    let page = async move { Ok(keys.list(paging).await?) };
    let page = run_to_completion(&request, signed_in.actor(), page).await?;
    let frame = Frame::new(&signed_in, Section::Keys, EN.keys.title);
    let now = Utc::now();
    let keys = page.items.into_iter();
    Ok(KeyList {
        frame: frame.with_notice(notice(&query)),
        own: signed_in.actor().key,
        count: texts::count(page.total.count, EN.keys.one, EN.keys.other),
        keys: keys
            .map(|key| {
                let state = key.state(now);
                (key, state)
            })
            .collect(),
        pager: Pager::new("/keys", &query, page.next),
    })
}

fn notice(query: &Pairs) -> Option<String> {
    let is_revoked = query.get(NOTICE) == Some("revoked");
    is_revoked.then(|| EN.keys.revoked.to_owned())
}
