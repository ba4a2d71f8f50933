//! `/devices`.

mod answer;
#[cfg(test)]
mod any_device;
mod batch_reader;
mod change;
mod export;
mod filter;
mod idempotency;
mod read;
mod revision;
mod shown;

use actix_web::{HttpRequest, HttpResponse, web};
use devices_domain::{Actor, BatchRules, CreateDevices, Created, IdempotencyKey, Tell};

use super::access::Writer;
use super::body::{self, Body};
use super::carried_out::carried_out;
use super::preference::Handling;
use super::problem::Problem;
use super::request_log::Facts;
use super::state::State;
pub use answer::tell as tell_created;
pub use batch_reader::read as read_batch;
pub(super) use change::{delete, update};
pub(super) use export::export;
pub(super) use read::{get, list};

/// `POST /devices`: creates every device of a batch or none, and under an idempotency key once.
pub(super) async fn create(
    request: HttpRequest,
    Writer(actor): Writer,
    payload: web::Payload,
    state: web::Data<State>,
) -> HttpResponse {
    let handling = Handling::of(request.headers());
    let created = async {
        let key = idempotency::key(request.headers())?;
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
    let (attempt, bytes) =
        body::work_on(bytes, |body| key.map(|key| idempotency::attempt(key, body))).await?;
    if let Some(attempt) = &attempt
        && let Some(outcome) = use_case.recall(attempt).await?
    {
        return Ok(answer::outcome(outcome));
    }
    let rules = BatchRules {
        max_devices: state.limits.devices_per_batch,
        unknown_fields: handling.unknown_fields(),
        ..BatchRules::default()
    };
    let (batch, _) = body::work_on(bytes, move |body| batch_reader::read(body, rules)).await?;
    let batch = batch?;
    facts.know_devices(batch.len());
    let origin = facts.origin(actor);
    let once = attempt.map(|attempt| (attempt, answer::tell as Tell));
    let answer = match use_case.execute(batch, origin, once).await? {
        Created::Devices(devices) => answer::created(devices).await?,
        Created::Outcome(outcome) => answer::outcome(outcome),
    };
    drop(place);
    Ok(answer)
}
