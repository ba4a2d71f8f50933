//! `/devices`.

mod answer;
mod batch_reader;
mod preference;

use actix_web::{HttpRequest, HttpResponse, web};
use devices_domain::{Batch, BatchRules, CreateDevices};

use super::access::Writer;
use super::body::{self, Body};
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
        let Body { bytes, admission } = body::read(&request, payload, &state).await?;
        let rules = BatchRules {
            max_devices: state.limits.devices_per_batch,
            unknown_fields: handling.unknown_fields(),
            ..BatchRules::default()
        };
        let batch = judge(bytes, rules).await?;
        Facts::of(&request).know_devices(batch.len());
        let devices = state.devices.of_workspace(actor.workspace);
        let created = CreateDevices::new(devices).execute(batch).await?;
        let answer = HttpResponse::Created().json(answer::created(&created));
        drop(admission);
        Ok::<_, Problem>(answer)
    };
    let mut response = created.await.unwrap_or_else(HttpResponse::from_error);
    handling.apply(&mut response);
    response
}

async fn judge(body: Vec<u8>, rules: BatchRules) -> Result<Batch, Problem> {
    if body.len() < body::LARGE {
        return Ok(batch_reader::read(&body, rules)?);
    }
    let read = web::block(move || batch_reader::read(&body, rules)).await;
    Ok(read.map_err(|error| Problem::Internal(error.into()))??)
}
