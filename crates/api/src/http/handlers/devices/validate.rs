//! `POST /devices/validate`: a dry run of `POST /devices`.

use actix_web::{HttpResponse, web};
use devices_domain::{
    Batch, BatchOptions, BatchRules, CreateDevices, DeviceRepository, RowPlan, RowRef, UpsertBatch,
    UpsertDevices,
};

use crate::http::extract::auth::WriteAccess;
use crate::http::extract::batch_options::Options;
use crate::http::extract::body::{self, Body};
use crate::http::extract::device_batch;
use crate::http::extract::idempotency_key::OptionalIdempotencyKey;
use crate::http::extract::prefer::Handling;
use crate::http::limits::run_to_completion::run_to_completion;
use crate::http::respond::api_error::ApiError;
use crate::http::respond::batch_results;
use crate::http::state::State;

/// Returns what `POST /devices` would do with each row. Stores nothing: an idempotency key is
/// checked and ignored.
pub(crate) async fn validate(
    WriteAccess(actor, store): WriteAccess,
    Options(options): Options,
    OptionalIdempotencyKey(_): OptionalIdempotencyKey,
    handling: Handling,
    Body { bytes, permit }: Body,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let rules = BatchRules {
        max_devices: state.limits.max_devices_per_batch,
        unknown_fields: handling.unknown_fields(),
        ..BatchRules::default()
    };
    let validation = async move {
        let response = if options.is_default() {
            plan_plain(bytes, rules, store.devices).await
        } else {
            plan_with_options(bytes, rules, options, store.devices).await
        };
        // The permit also covers the batch and the response, which are made from the body.
        drop(permit);
        response
    };
    run_to_completion(&state, actor, validation).await
}

async fn plan_plain(
    bytes: Vec<u8>,
    rules: BatchRules,
    devices: Box<dyn DeviceRepository>,
) -> Result<HttpResponse, ApiError> {
    let read = move |body: &[u8]| device_batch::read(body, Batch::new(rules));
    let (batch, _) = body::run_blocking_if_large(bytes, read).await?;
    let devices = CreateDevices::new(devices).validate(batch?).await?;
    let row_ref = |index: usize| devices[index].row_ref.as_ref();
    let rows = vec![RowPlan::Create; devices.len()];
    Ok(batch_results::plan(&rows, row_ref))
}

async fn plan_with_options(
    bytes: Vec<u8>,
    rules: BatchRules,
    options: BatchOptions,
    devices: Box<dyn DeviceRepository>,
) -> Result<HttpResponse, ApiError> {
    let batch = UpsertBatch::new(rules, options);
    let read = move |body: &[u8]| device_batch::read(body, batch);
    let (batch, _) = body::run_blocking_if_large(bytes, read).await?;
    let (batch, rows) = UpsertDevices::new(devices).plan(batch?).await?;
    let row_ref = |index: usize| -> Option<&RowRef> { batch.row_ref(index) };
    Ok(batch_results::plan(&rows, row_ref))
}
