//! `PATCH` and `DELETE /devices/{device_id}`.

use actix_web::{HttpResponse, web};
use devices_domain::{DeviceId, RawRow, UnknownFields, UpdateDevice, ValidatedPatch};

use crate::http::extract::auth::{AuditOrigin, WriteAccess};
use crate::http::extract::etag::{self, IfMatch};
use crate::http::extract::json_object::{FromObject, JsonObject};
use crate::http::extract::path::PathParam;
use crate::http::limits::run_to_completion::run_to_completion;
use crate::http::respond::api_error::ApiError;
use crate::http::state::State;

impl FromObject for ValidatedPatch {
    fn empty_row() -> RawRow<'static> {
        RawRow::for_device()
    }

    /// Never fails: the use case reports the errors of the patch together with those of the stored
    /// device.
    fn validate(row: &RawRow<'_>, unknown_fields: UnknownFields) -> Result<Self, ApiError> {
        Ok(Self::from_row(row, unknown_fields))
    }
}

pub(crate) async fn update(
    WriteAccess(actor): WriteAccess,
    PathParam(device): PathParam<DeviceId>,
    if_match: IfMatch,
    AuditOrigin(origin): AuditOrigin,
    JsonObject(patch): JsonObject<ValidatedPatch>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let use_case = UpdateDevice::new(state.store.for_workspace(actor.workspace).devices);
    let precondition = if_match.precondition(device);
    let update = async move {
        Ok(use_case
            .execute(device, patch, precondition, origin)
            .await?)
    };
    let updated = run_to_completion(&state, update).await?;
    Ok(etag::device_response(&updated))
}

pub(crate) async fn delete(
    WriteAccess(actor): WriteAccess,
    PathParam(device): PathParam<DeviceId>,
    if_match: IfMatch,
    AuditOrigin(origin): AuditOrigin,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let devices = state.store.for_workspace(actor.workspace).devices;
    let precondition = if_match.precondition(device);
    let delete = async move { Ok(devices.delete(device, precondition, origin).await?) };
    let deleted = run_to_completion(&state, delete).await?;
    Ok(etag::device_response(&deleted))
}
