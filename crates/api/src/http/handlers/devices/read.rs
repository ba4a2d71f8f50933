//! `GET /devices` and `GET /devices/{device_id}`.

use actix_web::{HttpRequest, HttpResponse, web};
use devices_domain::DeviceId;

use crate::http::extract::auth::ReadAccess;
use crate::http::extract::etag;
use crate::http::extract::path::PathParam;
use crate::http::extract::query::QueryParams;
use crate::http::handlers::devices::filter;
use crate::http::limits::run_to_completion::run_to_completion;
use crate::http::respond::api_error::ApiError;
use crate::http::respond::pagination::ListQuery;
use crate::http::respond::views::FullDeviceView;
use crate::http::state::State;

pub(crate) async fn list(
    request: HttpRequest,
    ReadAccess(actor, store): ReadAccess,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let (query, filter) = QueryParams::read(&request, |parameters| {
        let query = ListQuery::read(&request, actor.workspace, parameters);
        (query, filter::read(parameters))
    })?;
    let devices = store.devices;
    let paging = query.paging;
    let page = async move { Ok(devices.list(filter, paging).await?) };
    let page = run_to_completion(&state, actor, page).await?;
    Ok(query.response(&page, page.items.iter().map(FullDeviceView::of)))
}

pub(crate) async fn get(
    request: HttpRequest,
    ReadAccess(actor, store): ReadAccess,
    PathParam(device): PathParam<DeviceId>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let devices = store.devices;
    let find = async move { Ok(devices.find(device).await?) };
    let device = run_to_completion(&state, actor, find).await?;
    let stored = device.ok_or(ApiError::DeviceNotFound)?;
    Ok(etag::conditional_device_response(&request, &stored))
}
