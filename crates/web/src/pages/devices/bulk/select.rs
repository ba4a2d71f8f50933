//! Selection of the devices to change.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use devices_domain::{BulkChange, DeviceId};

use super::{BULK, bulk_address};
use crate::error::ConsoleError;
use crate::form::Form;
use crate::pages::devices::action::ActionKind;
use crate::pages::devices::filter::Filters;
use crate::pages::devices::list::{ListRequest, on_same_page};
use crate::pages::devices::selection::Selection;
use crate::pages::devices::{columns, load};
use crate::pages::paging;
use crate::query::Pairs;
use crate::respond;
use crate::run_to_completion::run_to_completion;
use crate::session::{SignedIn, WriteAccess};
use crate::texts::{self, EN};

/// `POST /devices/bulk`: leads to the confirmation, or shows the list again if no device or too
/// many are selected.
pub(in crate::pages::devices) async fn select(
    request: HttpRequest,
    WriteAccess(signed_in): WriteAccess,
    form: Form,
) -> Result<HttpResponse, ConsoleError> {
    let sent = &on_same_page(&form.values);
    let action = sent.get("action").and_then(ActionKind::from_name);
    let action = action.ok_or(ConsoleError::MalformedForm("unknown action"))?;
    let selection = match sent.get("scope") {
        Some("page") => Selection::decode(sent.get("listed").unwrap_or_default()),
        Some("all") => Some(all(&request, &signed_in, sent).await?),
        _ => Some(Selection::from_ids(sent.all("device"))),
    };
    let selection = selection.unwrap_or_default();
    if let Some(error) = count_error(&selection) {
        let columns = columns::of_request(&request);
        let list = ListRequest::new(&request, &signed_in, sent, columns);
        let list = list.with_error(error).load().await?;
        return respond::page(StatusCode::UNPROCESSABLE_ENTITY, &list);
    }
    let action = vec![("action".to_owned(), action.as_str().to_owned())];
    Ok(respond::see_other(&bulk_address(
        BULK,
        action,
        &selection,
        &back(sent),
    )))
}

/// Returns the query of the list from which the devices were selected.
fn back(sent: &Pairs) -> String {
    let mut pairs = Filters::read(sent).pairs;
    let cursor = sent.get(paging::CURSOR).map(str::to_owned);
    pairs
        .0
        .extend(cursor.map(|cursor| (paging::CURSOR.to_owned(), cursor)));
    pairs.encode()
}

fn count_error(selection: &Selection) -> Option<String> {
    let max = BulkChange::MAX_DEVICES;
    if selection.is_empty() {
        return Some(EN.bulk.none_selected.to_owned());
    }
    (selection.len() > max).then(|| {
        let max = texts::group_digits(max as u64);
        texts::fill(EN.bulk.too_many_selected, &[("max", &max)])
    })
}

/// Returns the devices that match the filters, or one more than can be changed at once.
async fn all(
    request: &HttpRequest,
    signed_in: &SignedIn,
    sent: &Pairs,
) -> Result<Selection, ConsoleError> {
    let workspace = signed_in.workspace();
    let mut filters = Filters::read(sent);
    let task = async move {
        load::resolve_user(workspace.users.as_ref(), &mut filters).await?;
        if !filters.errors.is_empty() {
            return Ok(Selection::default());
        }
        let max = BulkChange::MAX_DEVICES as u32 + 1;
        let devices = workspace
            .devices
            .list_by_id(filters.filter, None, max)
            .await?;
        let ids = devices
            .iter()
            .map(|device| -> DeviceId { device.device.id });
        Ok(Selection::new(ids))
    };
    run_to_completion(request, signed_in.actor(), task).await
}
