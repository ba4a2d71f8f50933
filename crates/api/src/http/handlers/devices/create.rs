//! `POST /devices`.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use devices_domain::{
    Actor, Batch, BatchRules, CreateDevices, CreateDevicesError, CreateResult, FieldError,
    IdempotentRequest, RenderResponse, RepositoryError, UpsertDevices,
};

use super::upsert::upsert;
use crate::http::extract::auth::WriteAccess;
use crate::http::extract::batch_options::BatchHead;
use crate::http::extract::body::{self, Body};
use crate::http::extract::device_batch::{self, RowSink};
use crate::http::extract::idempotency_key;
use crate::http::extract::prefer::Handling;
use crate::http::limits::run_to_completion::run_to_completion;
use crate::http::request_context::RequestContext;
use crate::http::respond::api_error::ApiError;
use crate::http::respond::created_devices::{self, idempotent_response};
use crate::http::state::State;
use crate::settings::Limits;

/// Creates all devices of a batch or none, unless options state otherwise. With an idempotency key,
/// stores a batch at most once.
pub(crate) async fn create(
    WriteAccess(actor, store): WriteAccess,
    head: BatchHead,
    context: RequestContext,
    body: Body,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let request = CreateRequest {
        actor,
        rules: batch_rules(&state.limits, head.handling),
        head,
        context,
        body,
    };
    let devices = store.devices;
    let task = async move {
        if request.head.options.is_default() {
            request.execute(CreateDevices::new(devices)).await
        } else {
            upsert(request, UpsertDevices::new(devices)).await
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

/// A batch to store, and its context.
pub(super) struct CreateRequest {
    pub(super) actor: Actor,
    pub(super) head: BatchHead,
    pub(super) rules: BatchRules,
    pub(super) context: RequestContext,
    pub(super) body: Body,
}

/// A batch that was read, or the error of a body that is not JSON, with the request of its
/// idempotency key.
pub(super) struct ReadBatch<B> {
    pub(super) request: Option<IdempotentRequest>,
    pub(super) batch: Result<B, FieldError>,
}

impl<B: RowSink + Send + 'static> ReadBatch<B> {
    /// Reads a body into `batch`.
    pub(super) async fn read(bytes: Vec<u8>, head: BatchHead, batch: B) -> Result<Self, ApiError> {
        let BatchHead { options, key, .. } = head;
        let read = move |body: &[u8]| Self {
            request: key.map(|key| idempotency_key::idempotent_request(key, body, options)),
            batch: device_batch::read(body, batch),
        };
        let (read, _) = body::run_blocking_if_large(bytes, read).await?;
        Ok(read)
    }
}

impl CreateRequest {
    async fn execute(self, use_case: CreateDevices) -> Result<HttpResponse, ApiError> {
        let Self {
            actor,
            head,
            rules,
            context,
            body: Body { bytes, permit },
        } = self;
        let ReadBatch { request, batch } = ReadBatch::read(bytes, head, Batch::new(rules)).await?;
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => {
                // A newer version may reject a body that an older one accepted.
                let response = use_case.find_response(request.as_ref()).await?;
                let response = response.ok_or(error)?;
                return Ok(idempotent_response(StatusCode::CREATED, response));
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
            CreateResult::Response(response) => idempotent_response(StatusCode::CREATED, response),
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
