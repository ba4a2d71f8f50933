//! `/devices`.

mod change;
mod export;
mod filter;
mod read;

use actix_web::{HttpRequest, HttpResponse, web};
use devices_domain::{Actor, BatchRules, CreateDevices, Created, IdempotencyKey, Tell};

use crate::http::extract::auth::Writer;
use crate::http::extract::body::{self, Body};
use crate::http::extract::prefer::Handling;
use crate::http::extract::{device_batch, idempotency_key};
use crate::http::limits::run_to_completion::carried_out;
use crate::http::middleware::access_log::Facts;
use crate::http::respond::api_error::Problem;
use crate::http::respond::created_devices;
use crate::http::state::State;
pub(crate) use change::{delete, update};
pub(crate) use export::export;
pub(crate) use read::{get, list};

/// `POST /devices`: creates every device of a batch or none, and under an idempotency key once.
pub(crate) async fn create(
    request: HttpRequest,
    Writer(actor): Writer,
    payload: web::Payload,
    state: web::Data<State>,
) -> HttpResponse {
    let handling = Handling::of(request.headers());
    let created = async {
        let key = idempotency_key::key(request.headers())?;
        let body = body::read(&request, payload, &state, actor.workspace).await?;
        let facts = Facts::of(&request);
        carried_out(
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
    facts: Facts,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    let Body { bytes, place } = body;
    let use_case = CreateDevices::new(state.devices.of_workspace(actor.workspace));
    let (attempt, bytes) = body::work_on(bytes, |body| {
        key.map(|key| idempotency_key::attempt(key, body))
    })
    .await?;
    if let Some(attempt) = &attempt
        && let Some(outcome) = use_case.recall(attempt).await?
    {
        return Ok(created_devices::outcome(outcome));
    }
    let rules = BatchRules {
        max_devices: state.limits.devices_per_batch,
        unknown_fields: handling.unknown_fields(),
        ..BatchRules::default()
    };
    let (batch, _) = body::work_on(bytes, move |body| device_batch::read(body, rules)).await?;
    let batch = batch?;
    facts.know_devices(batch.len());
    let origin = facts.origin(actor);
    let once = attempt.map(|attempt| (attempt, created_devices::tell as Tell));
    let answer = match use_case.execute(batch, origin, once).await? {
        Created::Devices(devices) => created_devices::created(devices).await?,
        Created::Outcome(outcome) => created_devices::outcome(outcome),
    };
    drop(place);
    Ok(answer)
}
