//! `POST /devices`.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use devices_domain::{
    Actor, Batch, BatchOptions, BatchRules, CreateDevices, CreateDevicesError, CreateResult,
    IdempotencyKey, RenderResponse, RepositoryError,
};

use super::upsert::upsert;
use crate::http::extract::auth::WriteAccess;
use crate::http::extract::batch_options::Options;
use crate::http::extract::body::{self, Body};
use crate::http::extract::idempotency_key::OptionalIdempotencyKey;
use crate::http::extract::prefer::{Handling, Representation};
use crate::http::extract::{device_batch, idempotency_key};
use crate::http::limits::run_to_completion::run_to_completion;
use crate::http::request_context::RequestContext;
use crate::http::respond::api_error::ApiError;
use crate::http::respond::created_devices;
use crate::http::state::State;
use crate::settings::Limits;

/// Creates all devices of a batch or none, unless options state otherwise. With an idempotency key,
/// stores a batch at most once.
#[expect(clippy::too_many_arguments, reason = "each is a part of the request")]
pub(crate) async fn create(
    WriteAccess(actor, store): WriteAccess,
    Options(options): Options,
    OptionalIdempotencyKey(key): OptionalIdempotencyKey,
    handling: Handling,
    representation: Representation,
    context: RequestContext,
    body: Body,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let rules = batch_rules(&state.limits, handling);
    let request = CreateRequest {
        actor,
        key,
        rules,
        context,
        body,
    };
    let devices = store.devices;
    let task = async move {
        if options.is_default() {
            request.execute(CreateDevices::new(devices)).await
        } else {
            upsert(request, options, representation, devices).await
        }
    };
    run_to_completion(&state, actor, task).await
}

/// Returns the rules of a batch, also of one that is only validated.
pub(super) fn batch_rules(limits: &Limits, handling: Handling) -> BatchRules {
    BatchRules {
        max_devices: limits.max_devices_per_batch,
        unknown_fields: handling.unknown_fields(),
        ..BatchRules::default()
    }
}

/// A batch to create, and its context.
pub(super) struct CreateRequest {
    pub(super) actor: Actor,
    pub(super) key: Option<IdempotencyKey>,
    pub(super) rules: BatchRules,
    pub(super) context: RequestContext,
    pub(super) body: Body,
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
            let options = BatchOptions::default();
            let request = key.map(|key| idempotency_key::idempotent_request(key, body, options));
            (request, device_batch::read(body, Batch::new(rules)))
        };
        let ((request, batch), _) = body::run_blocking_if_large(bytes, read).await?;
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => {
                // A newer version may reject a body that an older one accepted.
                if let Some(request) = &request
                    && let Some(response) = use_case.find_response(request).await?
                {
                    return Ok(created_devices::idempotent_response(
                        StatusCode::CREATED,
                        response,
                    ));
                }
                return Err(error.into());
            }
        };
        context.set_device_count(batch.len());
        let origin = context.origin(actor);
        let idempotency =
            request.map(|request| (request, created_devices::render as RenderResponse));
        let result = use_case.execute(batch, origin, idempotency).await;
        if !counts_devices(&result, is_replayed) {
            context.clear_device_count();
        }
        let response = match result? {
            CreateResult::Devices {
                batch,
                devices,
                inserted,
            } => created_devices::response(batch, devices, inserted).await?,
            CreateResult::Response(response) => {
                created_devices::idempotent_response(StatusCode::CREATED, response)
            }
        };
        // The permit also covers the batch and the response, which are made from the body.
        drop(permit);
        Ok(response)
    }
}

fn is_replayed(result: &CreateResult) -> bool {
    matches!(result, CreateResult::Response(response) if response.replayed)
}

/// Returns `false` for a replayed response, an idempotency error, and a request that is not
/// admitted. The devices of these requests are neither logged nor counted.
pub(super) fn counts_devices<T>(
    result: &Result<T, CreateDevicesError>,
    is_replayed: impl FnOnce(&T) -> bool,
) -> bool {
    match result {
        Ok(result) => !is_replayed(result),
        Err(
            CreateDevicesError::Idempotency(_)
            | CreateDevicesError::Repository(RepositoryError::NotAdmitted),
        ) => false,
        Err(_) => true,
    }
}
