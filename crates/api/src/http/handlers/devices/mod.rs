//! `/devices`.

mod change;
mod export;
mod filter;
mod read;

use actix_web::{HttpRequest, HttpResponse, web};
use devices_domain::{
    Actor, BatchRules, CreateDevices, CreateResult, IdempotencyKey, RenderResponse,
};

use crate::http::extract::auth::WriteAccess;
use crate::http::extract::body::{self, Body};
use crate::http::extract::prefer::Handling;
use crate::http::extract::{device_batch, idempotency_key};
use crate::http::limits::run_to_completion::run_to_completion;
use crate::http::middleware::access_log::RequestContext;
use crate::http::respond::api_error::ApiError;
use crate::http::respond::created_devices;
use crate::http::state::State;
pub(crate) use change::{delete, update};
pub(crate) use export::export;
pub(crate) use read::{get, list};

/// `POST /devices`: creates every device of a batch or none, and under an idempotency key once.
pub(crate) async fn create(
    request: HttpRequest,
    WriteAccess(actor): WriteAccess,
    payload: web::Payload,
    state: web::Data<State>,
) -> HttpResponse {
    let handling = Handling::of(request.headers());
    let created = async {
        let key = idempotency_key::key(request.headers())?;
        let body = body::read(&request, payload, &state, actor.workspace).await?;
        let facts = RequestContext::of(&request);
        run_to_completion(
            &state,
            carry_out(actor, key, handling, body, facts, state.clone()),
        )
        .await
    };
    handling.applied_to(created.await)
}

async fn carry_out(
    actor: Actor,
    key: Option<IdempotencyKey>,
    handling: Handling,
    body: Body,
    facts: RequestContext,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let Body { bytes, place } = body;
    let use_case = CreateDevices::new(state.store.for_workspace(actor.workspace).devices);
    let (attempt, bytes) = body::run_blocking_if_large(bytes, |body| {
        key.map(|key| idempotency_key::attempt(key, body))
    })
    .await?;
    if let Some(attempt) = &attempt
        && let Some(outcome) = use_case.find_response(attempt).await?
    {
        return Ok(created_devices::outcome(outcome));
    }
    let rules = BatchRules {
        max_devices: state.limits.devices_per_batch,
        unknown_fields: handling.unknown_fields(),
        ..BatchRules::default()
    };
    let (batch, _) =
        body::run_blocking_if_large(bytes, move |body| device_batch::read(body, rules)).await?;
    let batch = batch?;
    facts.set_device_count(batch.len());
    let origin = facts.origin(actor);
    let once = attempt.map(|attempt| (attempt, created_devices::tell as RenderResponse));
    let answer = match use_case.execute(batch, origin, once).await? {
        CreateResult::Devices(devices) => created_devices::created(devices).await?,
        CreateResult::Response(outcome) => created_devices::outcome(outcome),
    };
    drop(place);
    Ok(answer)
}
