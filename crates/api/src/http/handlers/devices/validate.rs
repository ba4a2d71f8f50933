//! `POST /devices/validate`: a dry run of `POST /devices`.

use actix_web::{HttpResponse, web};
use devices_domain::{
    Batch, BatchOptions, BatchRules, CreateDevices, DeviceRepository, RowPlan, UpsertBatch,
    UpsertDevices,
};

use super::create::batch_rules;
use crate::http::extract::auth::WriteAccess;
use crate::http::extract::batch_options::BatchHead;
use crate::http::extract::body::{self, Body};
use crate::http::extract::device_batch;
use crate::http::limits::run_to_completion::run_to_completion;
use crate::http::respond::api_error::ApiError;
use crate::http::respond::batch_plan;
use crate::http::state::State;

/// Returns what `POST /devices` would do with each row. Stores nothing: an idempotency key is
/// checked and ignored.
pub(crate) async fn validate(
    WriteAccess(actor, store): WriteAccess,
    head: BatchHead,
    Body { bytes, permit }: Body,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let rules = batch_rules(&state.limits, head.handling);
    let options = head.options;
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
    let rows = devices.into_iter();
    let rows = rows.map(|device| (device.row_ref, RowPlan::Create));
    batch_plan::response(rows.collect()).await
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
    let (batch, plan) = UpsertDevices::new(devices).plan(batch?).await?;
    let row_refs = (0..plan.rows.len()).map(|index| batch.row_ref(index).cloned());
    batch_plan::response(row_refs.zip(plan.rows).collect()).await
}
