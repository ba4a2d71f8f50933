//! `PATCH` and `DELETE /devices/{device_id}`, and `POST /devices/{device_id}/restore`.

use actix_web::{HttpResponse, web};
use devices_domain::{
    DeviceId, RawRow, RestoreDevice, UnknownFields, UpdateDevice, UpdateDeviceError, ValidatedPatch,
};

use crate::http::extract::auth::{AuditOrigin, WriteAccess};
use crate::http::extract::empty_body::EmptyBody;
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
    WriteAccess(actor, store): WriteAccess,
    PathParam(device): PathParam<DeviceId>,
    if_match: IfMatch,
    AuditOrigin(origin): AuditOrigin,
    JsonObject(patch): JsonObject<ValidatedPatch>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let use_case = UpdateDevice::new(store.devices);
    let precondition = if_match.precondition(device);
    let update = async move {
        Ok(use_case
            .execute(device, patch, precondition, origin)
            .await?)
    };
    let updated = run_to_completion(&state, actor, update).await?;
    Ok(etag::device_response(&updated))
}

pub(crate) async fn delete(
    WriteAccess(actor, store): WriteAccess,
    PathParam(device): PathParam<DeviceId>,
    if_match: IfMatch,
    AuditOrigin(origin): AuditOrigin,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let devices = store.devices;
    let precondition = if_match.precondition(device);
    let delete = async move { Ok(devices.delete(device, precondition, origin).await?) };
    let deleted = run_to_completion(&state, actor, delete).await?;
    Ok(etag::device_response(&deleted))
}

/// Restores an archived device. Sending the request again is harmless: an active device is returned
/// unchanged.
pub(crate) async fn restore(
    WriteAccess(actor, store): WriteAccess,
    PathParam(device): PathParam<DeviceId>,
    if_match: IfMatch,
    AuditOrigin(origin): AuditOrigin,
    EmptyBody: EmptyBody,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let use_case = RestoreDevice::new(store.devices);
    let precondition = if_match.precondition(device);
    let restore = async move {
        let restored = use_case.execute(device, precondition, origin).await;
        restored.map_err(|error| match error {
            // The errors concern the device in the path. The body has no fields.
            UpdateDeviceError::Rejected(report) => ApiError::RejectedParameters(report),
            error => error.into(),
        })
    };
    let restored = run_to_completion(&state, actor, restore).await?;
    Ok(etag::device_response(&restored))
}
