//! `GET /devices` and `GET /devices/{device_id}`.

use actix_web::{HttpRequest, HttpResponse, web};
use devices_domain::DeviceId;

use crate::http::extract::auth::ReadAccess;
use crate::http::extract::etag;
use crate::http::extract::query::{self, Parameters};
use crate::http::handlers::devices::filter;
use crate::http::limits::run_to_completion::run_to_completion;
use crate::http::respond::api_error::ApiError;
use crate::http::respond::pagination::ListQuery;
use crate::http::respond::views::FullDevice;
use crate::http::state::State;

pub(crate) async fn list(
    request: HttpRequest,
    ReadAccess(actor): ReadAccess,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let mut parameters = Parameters::of(&request);
    let asked = ListQuery::read(&request, actor.workspace, &mut parameters);
    let filter = filter::read(&mut parameters);
    parameters.finish()?;
    let devices = state.store.for_workspace(actor.workspace).devices;
    let paging = asked.paging;
    let page = async move { Ok(devices.list(filter, paging).await?) };
    let page = run_to_completion(&state, page).await?;
    Ok(asked.answer(&page, page.items.iter().map(FullDevice::of)))
}

pub(crate) async fn get(
    request: HttpRequest,
    ReadAccess(actor): ReadAccess,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let device = DeviceId(query::id(&request, "device_id")?);
    let devices = state.store.for_workspace(actor.workspace).devices;
    let found = async move { Ok(devices.find(device).await?) };
    let found = run_to_completion(&state, found).await?;
    let stored = found.ok_or(ApiError::DeviceNotFound)?;
    Ok(etag::answer_if_changed(&request, &stored))
}
