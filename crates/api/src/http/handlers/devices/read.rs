//! `GET /devices` and `GET /devices/{device_id}`.

use actix_web::{HttpRequest, HttpResponse, web};
use devices_domain::DeviceId;

use crate::http::extract::auth::Reader;
use crate::http::extract::etag;
use crate::http::extract::query::{self, Parameters};
use crate::http::handlers::devices::filter;
use crate::http::limits::run_to_completion::carried_out;
use crate::http::respond::api_error::Problem;
use crate::http::respond::pagination::Asked;
use crate::http::respond::views::FullDevice;
use crate::http::state::State;

pub(crate) async fn list(
    request: HttpRequest,
    Reader(actor): Reader,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    let mut parameters = Parameters::of(&request);
    let asked = Asked::read(&request, actor.workspace, &mut parameters);
    let filter = filter::read(&mut parameters);
    parameters.finish()?;
    let devices = state.devices.of_workspace(actor.workspace);
    let paging = asked.paging;
    let page = async move { Ok(devices.list(filter, paging).await?) };
    let page = carried_out(&state, page).await?;
    Ok(asked.answer(&page, page.items.iter().map(FullDevice::of)))
}

pub(crate) async fn get(
    request: HttpRequest,
    Reader(actor): Reader,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    let device = DeviceId(query::id(&request, "device_id")?);
    let devices = state.devices.of_workspace(actor.workspace);
    let found = async move { Ok(devices.find(device).await?) };
    let found = carried_out(&state, found).await?;
    let stored = found.ok_or(Problem::DeviceNotFound)?;
    Ok(etag::answer_if_changed(&request, &stored))
}
