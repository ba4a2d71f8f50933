//! A batch and the devices that it created.

use actix_web::{HttpRequest, web};
use askama::Template;
use askama_web::WebTemplate;
use devices_domain::{BatchId, DeviceFilter, PageRequest, StoredBatch, StoredDevice};

use crate::error::ConsoleError;
use crate::frame::{Frame, Section};
use crate::pages::paging::{self, NOTICE, Pager};
use crate::query::Query;
use crate::run_to_completion::run_to_completion;
use crate::session::SignedIn;
use crate::texts::{self, EN};

#[derive(Template, WebTemplate)]
#[template(path = "batches/detail.html")]
pub(super) struct BatchDetail {
    frame: Frame,
    batch: StoredBatch,
    /// Devices that the batch created, without archived ones.
    devices: Vec<StoredDevice>,
    count: String,
    pager: Pager,
}

pub(super) async fn show(
    request: HttpRequest,
    signed_in: SignedIn,
    id: web::Path<i64>,
    Query(query): Query,
) -> Result<BatchDetail, ConsoleError> {
    let id = BatchId(*id);
    let filter = DeviceFilter {
        batch: Some(id),
        ..DeviceFilter::default()
    };
    let paging = PageRequest {
        limit: paging::LIMIT,
        start: paging::start(&query),
    };
    let store = signed_in.workspace();
    let load = async move {
        let batch = store.batches.find(id).await?;
        let batch = batch.ok_or(ConsoleError::NotFound)?;
        Ok((batch, store.devices.list(filter, paging).await?))
    };
    let (batch, page) = run_to_completion(&request, signed_in.actor(), load).await?;
    let title = texts::fill(EN.batches.detail_title, &[("number", &id)]);
    let is_undone = query.get(NOTICE) == Some("undone");
    let notice = is_undone.then(|| EN.batches.undone_notice.to_owned());
    Ok(BatchDetail {
        frame: Frame::new(&signed_in, Section::Batches, title).with_notice(notice),
        batch,
        devices: page.items,
        count: texts::count(
            page.total.count,
            EN.batches.one_device,
            EN.batches.other_devices,
        ),
        pager: Pager::new(&format!("/batches/{id}"), &query, page.next),
    })
}
