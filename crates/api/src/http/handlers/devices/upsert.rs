//! `POST /devices` with options.

use actix_web::HttpResponse;
use devices_domain::{UpsertBatch, UpsertDevices, UpsertDevicesResult};

use super::create::{CreateRequest, ReadBatch, counts_devices};
use crate::http::extract::body::Body;
use crate::http::extract::prefer::Representation;
use crate::http::respond::api_error::ApiError;
use crate::http::respond::batch_results;

/// Creates and changes the devices of a batch, as its options state.
pub(super) async fn upsert(
    request: CreateRequest,
    use_case: UpsertDevices,
) -> Result<HttpResponse, ApiError> {
    let CreateRequest {
        actor,
        head,
        rules,
        context,
        body: Body { bytes, permit },
    } = request;
    let (options, representation) = (head.options, head.representation);
    let use_case = match representation {
        Representation::Full => use_case,
        Representation::Minimal => use_case.with_ids_only(),
    };
    let batch = UpsertBatch::new(rules, options);
    let ReadBatch { request, batch } = ReadBatch::read(bytes, head, batch).await?;
    let batch = match batch {
        Ok(batch) => batch,
        Err(error) => {
            // A newer version may reject a body that an older one accepted.
            let response = use_case.find_response(request.as_ref()).await?;
            let response = response.ok_or(error)?;
            return Ok(batch_results::idempotent_response(
                options,
                response,
                representation,
            ));
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
