//! `POST /devices` with options.

use actix_web::HttpResponse;
use devices_domain::{
    CreateDevicesError, NewUpsert, UpsertBatch, UpsertDevices, UpsertDevicesResult,
};

use super::create::{CreateRequest, ReadBatch, counts_devices};
use crate::http::extract::body::Body;
use crate::http::extract::prefer::Representation;
use crate::http::request_context::RequestContext;
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
    let upsert = NewUpsert {
        batch,
        origin: context.origin(actor),
        returns_devices: representation == Representation::Full,
        idempotency: request.map(|request| (request, representation.renderer())),
    };
    let response = match store(&use_case, upsert, &context).await? {
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

/// Stores a batch, and counts its devices in `context` unless the response is replayed.
pub(super) async fn store(
    use_case: &UpsertDevices,
    upsert: NewUpsert,
    context: &RequestContext,
) -> Result<UpsertDevicesResult, CreateDevicesError> {
    context.set_device_count(upsert.batch.len());
    let result = use_case.execute(upsert).await;
    if !counts_devices(&result, is_replayed) {
        context.clear_device_count();
    }
    result
}

fn is_replayed(result: &UpsertDevicesResult) -> bool {
    matches!(result, UpsertDevicesResult::Response(response) if response.replayed)
}
