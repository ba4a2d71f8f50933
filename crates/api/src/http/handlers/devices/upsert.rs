//! `POST /devices` with options.

use actix_web::HttpResponse;
use devices_domain::{
    BatchOptions, DeviceRepository, UpsertBatch, UpsertDevices, UpsertDevicesResult,
};

use super::create::{CreateRequest, counts_devices};
use crate::http::extract::prefer::Representation;
use crate::http::extract::{body, device_batch, idempotency_key};
use crate::http::respond::api_error::ApiError;
use crate::http::respond::{batch_results, created_devices};

/// Creates and changes the devices of a batch, as its options state.
pub(super) async fn upsert(
    request: CreateRequest,
    options: BatchOptions,
    representation: Representation,
    devices: Box<dyn DeviceRepository>,
) -> Result<HttpResponse, ApiError> {
    let use_case = UpsertDevices::new(devices);
    let CreateRequest {
        actor,
        key,
        rules,
        context,
        body: body::Body { bytes, permit },
    } = request;
    let read = move |body: &[u8]| {
        let request = key.map(|key| idempotency_key::idempotent_request(key, body, options));
        let batch = UpsertBatch::new(rules, options);
        (request, device_batch::read(body, batch))
    };
    let ((request, batch), _) = body::run_blocking_if_large(bytes, read).await?;
    let batch = match batch {
        Ok(batch) => batch,
        Err(error) => {
            // A newer version may reject a body that an older one accepted.
            if let Some(request) = request
                && let Some(response) = use_case.find_response(request).await?
            {
                let status = batch_results::status(options);
                return Ok(created_devices::idempotent_response(status, response));
            }
            return Err(error.into());
        }
    };
    context.set_device_count(batch.len());
    let origin = context.origin(actor);
    let idempotency = request.map(|request| (request, representation.renderer()));
    let result = use_case.execute(batch, origin, idempotency).await;
    if !counts_devices(&result, is_replayed) {
        context.clear_device_count();
    }
    let response = match result? {
        UpsertDevicesResult::Rows(upsert, result) => {
            batch_results::response(upsert, result, representation).await?
        }
        UpsertDevicesResult::Response(response) => {
            batch_results::idempotent_response(options, response, representation)
        }
    };
    // The permit also covers the batch and the response, which are made from the body.
    drop(permit);
    Ok(response)
}

fn is_replayed(result: &UpsertDevicesResult) -> bool {
    matches!(result, UpsertDevicesResult::Response(response) if response.replayed)
}
