//! List of batches.

use actix_web::HttpRequest;
use askama::Template;
use askama_web::WebTemplate;
use devices_domain::{BatchFilter, KeyId, Page, PageRequest, StoredBatch};

use crate::error::ConsoleError;
use crate::frame::{Frame, Section};
use crate::pages::paging::{self, Pager};
use crate::query::Query;
use crate::run_to_completion::run_to_completion;
use crate::session::SignedIn;
use crate::texts::{self, EN};

#[derive(Template, WebTemplate)]
#[template(path = "batches/list.html")]
pub(super) struct BatchList {
    frame: Frame,
    count: String,
    batches: Vec<StoredBatch>,
    pager: Pager,
    is_filtered: bool,
}

pub(super) async fn list(
    request: HttpRequest,
    signed_in: SignedIn,
    Query(query): Query,
) -> Result<BatchList, ConsoleError> {
    let key = query.get("key_id").and_then(|id| id.parse().ok());
    let filter = BatchFilter {
        since: None,
        key: key.map(KeyId),
    };
    let paging = PageRequest {
        limit: paging::LIMIT,
        start: paging::start(&query),
    };
    let batches = signed_in.workspace().batches;
    let load = async move { Ok(batches.list(filter, paging).await?) };
    let page = run_to_completion(&request, signed_in.actor(), load).await?;
    let Page {
        items, total, next, ..
    } = page;
    Ok(BatchList {
        frame: Frame::new(&signed_in, Section::Batches, EN.batches.title),
        count: texts::count(total.count, EN.batches.one, EN.batches.other),
        batches: items,
        pager: Pager::new("/batches", &query, next),
        is_filtered: filter.key.is_some(),
    })
}
