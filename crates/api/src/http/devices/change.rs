//! `PATCH` and `DELETE /devices/{device_id}`.

use actix_web::{HttpRequest, HttpResponse, web};
use devices_domain::{DeviceId, JudgedPatch, RawRow, UpdateDevice};

use super::revision;
use crate::http::access::Writer;
use crate::http::carried_out::carried_out;
use crate::http::parameters;
use crate::http::preference::Handling;
use crate::http::problem::Problem;
use crate::http::request_log::Facts;
use crate::http::state::State;
use crate::http::{body, json};

pub(in crate::http) async fn update(
    request: HttpRequest,
    Writer(actor): Writer,
    payload: web::Payload,
    state: web::Data<State>,
) -> HttpResponse {
    let handling = Handling::of(request.headers());
    let updated = async {
        let device = DeviceId(parameters::id(&request, "device_id")?);
        let expected = revision::expected(&request, device)?;
        let mut body = body::read(&request, payload, &state, actor.workspace).await?;
        let judge = move |row: &RawRow<'_>| -> Result<_, Problem> {
            Ok(JudgedPatch::of(row, handling.unknown_fields()))
        };
        let patch = json::read_object(&mut body, RawRow::new, judge).await?;
        let use_case = UpdateDevice::new(state.devices.of_workspace(actor.workspace));
        let origin = Facts::of(&request).origin(actor);
        let work = async move { Ok(use_case.execute(device, patch, expected, origin).await?) };
        Ok(revision::answer(&carried_out(&state, work).await?))
    };
    handling.applied_to(updated.await)
}

pub(in crate::http) async fn delete(
    request: HttpRequest,
    Writer(actor): Writer,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    let device = DeviceId(parameters::id(&request, "device_id")?);
    let expected = revision::expected(&request, device)?;
    let devices = state.devices.of_workspace(actor.workspace);
    let origin = Facts::of(&request).origin(actor);
    let work = async move { Ok(devices.delete(device, expected, origin).await?) };
    Ok(revision::answer(&carried_out(&state, work).await?))
}
