//! `/devices`.

mod answer;
mod batch_reader;
mod preference;

use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use devices_domain::{Batch, BatchRules, CreateDevices};

use super::access::Writer;
use super::body;
use super::problem::Problem;
use super::request_log::Facts;
use super::state::State;
use preference::Handling;

/// `POST /devices`: creates every device of a batch or none.
pub(super) async fn create(
    request: HttpRequest,
    Writer(actor): Writer,
    payload: web::Payload,
    state: web::Data<State>,
) -> HttpResponse {
    let handling = Handling::of(request.headers());
    let created = async {
        let body = body::read(&request, payload, &state.limits).await?;
        let rules = BatchRules {
            max_devices: state.limits.devices_per_batch,
            unknown_fields: handling.unknown_fields(),
        };
        let batch = judge(body, rules).await?;
        if let Some(facts) = request.extensions_mut().get_mut::<Facts>() {
            facts.devices = Some(batch.len());
        }
        let devices = state.devices.of_workspace(actor.workspace);
        let created = CreateDevices::new(devices).execute(batch).await?;
        Ok::<_, Problem>(HttpResponse::Created().json(answer::created(&created)))
    };
    let mut response = created.await.unwrap_or_else(HttpResponse::from_error);
    handling.apply(&mut response);
    response
}

/// From this size on, a body is judged on a thread where other requests do not wait for it.
const LARGE_BODY: usize = 64 * 1024;

async fn judge(body: Vec<u8>, rules: BatchRules) -> Result<Batch, Problem> {
    if body.len() < LARGE_BODY {
        return Ok(batch_reader::read(&body, rules)?);
    }
    let read = web::block(move || batch_reader::read(&body, rules)).await;
    Ok(read.map_err(|error| Problem::Internal(error.into()))??)
}
