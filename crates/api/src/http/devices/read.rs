//! `GET /devices` and `GET /devices/{device_id}`.

use actix_web::{HttpRequest, HttpResponse, web};
use devices_domain::DeviceId;

use super::shown::FullDevice;
use super::{filter, revision};
use crate::http::access::Reader;
use crate::http::carried_out::carried_out;
use crate::http::lists::Asked;
use crate::http::parameters::{self, Parameters};
use crate::http::problem::Problem;
use crate::http::state::State;

pub(in crate::http) async fn list(
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

pub(in crate::http) async fn get(
    request: HttpRequest,
    Reader(actor): Reader,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    let device = DeviceId(parameters::id(&request, "device_id")?);
    let devices = state.devices.of_workspace(actor.workspace);
    let found = async move { Ok(devices.find(device).await?) };
    let found = carried_out(&state, found).await?;
    let stored = found.ok_or(Problem::DeviceNotFound)?;
    Ok(revision::answer_if_changed(&request, &stored))
}
