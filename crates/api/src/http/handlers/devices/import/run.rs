//! `POST /devices/import`.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use devices_domain::{Actor, IdempotencyKey, NewUpsert, UpsertDevices, UpsertDevicesResult};
use devices_import::{BatchImportOptions, ImportLimits, ReadFile, read_batch};

use super::{blocking, import_limits};
use crate::http::extract::auth::WriteAccess;
use crate::http::extract::idempotency_key::idempotent_import;
use crate::http::extract::import_head::ImportHead;
use crate::http::extract::upload::Upload;
use crate::http::handlers::devices::upsert::store;
use crate::http::limits::run_to_completion::run_to_completion;
use crate::http::request_context::RequestContext;
use crate::http::respond::api_error::ApiError;
use crate::http::respond::import_results;
use crate::http::state::State;

/// Creates and changes the devices of a file in one transaction, as its options state. With an
/// idempotency key, stores a file at most once.
pub(crate) async fn run(
    WriteAccess(actor, store): WriteAccess,
    ImportHead { key }: ImportHead,
    context: RequestContext,
    upload: Upload,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let request = ImportRequest {
        actor,
        key,
        context,
        upload,
        limits: import_limits(&state.limits),
    };
    let import = request.execute(UpsertDevices::new(store.devices));
    run_to_completion(&state, actor, import).await
}

/// A file to import, and its context.
struct ImportRequest {
    actor: Actor,
    key: Option<IdempotencyKey>,
    context: RequestContext,
    upload: Upload,
    limits: ImportLimits,
}

impl ImportRequest {
    async fn execute(self, use_case: UpsertDevices) -> Result<HttpResponse, ApiError> {
        let Self {
            actor,
            key,
            context,
            upload,
            limits,
        } = self;
        let Upload {
            file,
            options,
            permit,
            ..
        } = upload;
        let options = BatchImportOptions::parse(&options)?;
        let batch_options = options.batch;
        let read = move || {
            let request = key.map(|key| idempotent_import(key, &file, &options));
            let read = read_batch(file, &options, limits);
            // Frees the bytes of the file, which is not read again.
            let rows = read.map(|ReadFile { batch, layout, .. }| (batch, Arc::new(layout)));
            (request, rows)
        };
        let (request, rows) = blocking(read).await?;
        let (batch, layout) = match rows {
            Ok(rows) => rows,
            Err(error) => {
                // A newer version may reject a file that an older one accepted.
                let response = use_case.find_response(request.as_ref()).await?;
                let response = response.ok_or(error)?;
                return Ok(import_results::idempotent_response(batch_options, response));
            }
        };
        let renderer = import_results::renderer(Arc::clone(&layout));
        let upsert = NewUpsert {
            batch,
            origin: context.origin(actor),
            returns_devices: false,
            idempotency: request.map(|request| (request, renderer)),
        };
        let result = store(&use_case, upsert, &context).await;
        let result = result.map_err(|error| ApiError::of_file(error, Arc::clone(&layout)))?;
        let response = match result {
            UpsertDevicesResult::Rows(upsert, result) => {
                import_results::response(upsert, result, layout).await?
            }
            UpsertDevicesResult::Response(response) => {
                import_results::idempotent_response(batch_options, response)
            }
        };
        // The permit also covers the batch and the response, which are made from the file.
        drop(permit);
        Ok(response)
    }
}
