//! `PATCH` and `DELETE /devices/{device_id}`.

use actix_web::{HttpRequest, HttpResponse, web};
use devices_domain::{DeviceId, RawRow, UpdateDevice, ValidatedPatch};

use crate::http::extract::auth::WriteAccess;
use crate::http::extract::body;
use crate::http::extract::etag;
use crate::http::extract::json;
use crate::http::extract::prefer::Handling;
use crate::http::extract::query;
use crate::http::limits::run_to_completion::run_to_completion;
use crate::http::middleware::access_log::RequestContext;
use crate::http::respond::api_error::ApiError;
use crate::http::state::State;

pub(crate) async fn update(
    request: HttpRequest,
    WriteAccess(actor): WriteAccess,
    payload: web::Payload,
    state: web::Data<State>,
) -> HttpResponse {
    let handling = Handling::of(request.headers());
    let updated = async {
        let device = DeviceId(query::id(&request, "device_id")?);
        let expected = etag::expected(&request, device)?;
        let mut body = body::read(&request, payload, &state, actor.workspace).await?;
        let judge = move |row: &RawRow<'_>| -> Result<_, ApiError> {
            Ok(ValidatedPatch::from_row(row, handling.unknown_fields()))
        };
        let patch = json::read_object(&mut body, RawRow::for_device, judge).await?;
        let use_case = UpdateDevice::new(state.store.for_workspace(actor.workspace).devices);
        let origin = RequestContext::of(&request).origin(actor);
        let work = async move { Ok(use_case.execute(device, patch, expected, origin).await?) };
        Ok(etag::answer(&run_to_completion(&state, work).await?))
    };
    handling.applied_to(updated.await)
}

pub(crate) async fn delete(
    request: HttpRequest,
    WriteAccess(actor): WriteAccess,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let device = DeviceId(query::id(&request, "device_id")?);
    let expected = etag::expected(&request, device)?;
    let devices = state.store.for_workspace(actor.workspace).devices;
    let origin = RequestContext::of(&request).origin(actor);
    let work = async move { Ok(devices.delete(device, expected, origin).await?) };
    Ok(etag::answer(&run_to_completion(&state, work).await?))
}
