//! `POST /devices`.

use actix_web::{HttpResponse, web};
use devices_domain::{
    Actor, BatchRules, CreateDevices, CreateDevicesError, CreateResult, IdempotencyKey,
    RenderResponse, RepositoryError,
};

use crate::http::extract::auth::WriteAccess;
use crate::http::extract::body::{self, Body};
use crate::http::extract::idempotency_key::OptionalIdempotencyKey;
use crate::http::extract::prefer::Handling;
use crate::http::extract::{device_batch, idempotency_key};
use crate::http::limits::run_to_completion::run_to_completion;
use crate::http::request_context::RequestContext;
use crate::http::respond::api_error::ApiError;
use crate::http::respond::created_devices;
use crate::http::state::State;

/// Creates all devices of a batch or none. With an idempotency key, creates a batch at most once.
pub(crate) async fn create(
    WriteAccess(actor, store): WriteAccess,
    OptionalIdempotencyKey(key): OptionalIdempotencyKey,
    handling: Handling,
    context: RequestContext,
    body: Body,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let use_case = CreateDevices::new(store.devices);
    let rules = BatchRules {
        max_devices: state.limits.max_devices_per_batch,
        unknown_fields: handling.unknown_fields(),
        ..BatchRules::default()
    };
    let request = CreateRequest {
        actor,
        key,
        rules,
        context,
        body,
    };
    run_to_completion(&state, actor, request.execute(use_case)).await
}

/// A batch to create, and its context.
struct CreateRequest {
    actor: Actor,
    key: Option<IdempotencyKey>,
    rules: BatchRules,
    context: RequestContext,
    body: Body,
}

impl CreateRequest {
    async fn execute(self, use_case: CreateDevices) -> Result<HttpResponse, ApiError> {
        let Self {
            actor,
            key,
            rules,
            context,
            body: Body { bytes, permit },
        } = self;
        let read = move |body: &[u8]| {
            let request = key.map(|key| idempotency_key::idempotent_request(key, body));
            (request, device_batch::read(body, rules))
        };
        let ((request, batch), _) = body::run_blocking_if_large(bytes, read).await?;
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => {
                // A newer version may reject a body that an older one accepted.
                if let Some(request) = &request
                    && let Some(response) = use_case.find_response(request).await?
                {
                    return Ok(created_devices::idempotent_response(response));
                }
                return Err(error.into());
            }
        };
        context.set_device_count(batch.len());
        let origin = context.origin(actor);
        let idempotency =
            request.map(|request| (request, created_devices::render as RenderResponse));
        let result = use_case.execute(batch, origin, idempotency).await;
        if !counts_devices(&result) {
            context.clear_device_count();
        }
        let response = match result? {
            CreateResult::Devices {
                batch,
                devices,
                inserted,
            } => created_devices::response(batch, devices, inserted).await?,
            CreateResult::Response(response) => created_devices::idempotent_response(response),
        };
        // The permit also covers the batch and the response, which are made from the body.
        drop(permit);
        Ok(response)
    }
}

/// Returns `false` for a replayed response, an idempotency error, and a request that is not
/// admitted. The devices of these requests are neither logged nor counted.
fn counts_devices(result: &Result<CreateResult, CreateDevicesError>) -> bool {
    match result {
        Ok(CreateResult::Response(response)) => !response.replayed,
        Err(
            CreateDevicesError::Idempotency(_)
            | CreateDevicesError::Repository(RepositoryError::NotAdmitted),
        ) => false,
        Ok(CreateResult::Devices { .. }) | Err(_) => true,
    }
}
