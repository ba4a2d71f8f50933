//! Responses to `POST /devices/import`.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use devices_domain::{
    BatchOptions, IdempotentResponse, NewUpsert, OnConflict, RenderUpsert, RowResult, UpsertResult,
};
use devices_import::FileLayout;
use serde::Serialize;

use crate::http::respond::api_error::ApiError;
use crate::http::respond::batch_results::{self, BatchView};
use crate::http::respond::created_devices::{self, batch_response, render_stored};
use crate::http::respond::data::Data;
use crate::http::respond::import_views::{ColumnView, LocatedError, WarningView};

#[derive(Serialize)]
struct ImportResults<'a> {
    batch: BatchView,
    results: Vec<FailedRow>,
    columns: Vec<ColumnView<'a>>,
    warnings: Vec<WarningView<'a>>,
}

/// A row that was not stored. The response omits all other rows.
#[derive(Serialize)]
struct FailedRow {
    index: usize,
    row: Option<u32>,
    result: &'static str,
    errors: Vec<LocatedError>,
}

/// Returns the function that renders a result.
pub(crate) fn renderer(layout: Arc<FileLayout>) -> RenderUpsert {
    Arc::new(move |_, result| render(&layout, result))
}

/// Renders the body. It contains no value of the file other than headers, because it may be stored
/// for a replay.
fn render(layout: &FileLayout, result: &UpsertResult) -> Vec<u8> {
    let failed = result.rows.iter().enumerate();
    let failed = failed.filter_map(|(index, row)| match row {
        RowResult::Failed(errors) => Some(FailedRow {
            index,
            row: layout.row(index),
            result: "failed",
            errors: errors
                .iter()
                .map(|error| LocatedError::of(layout, Some(index), error))
                .collect(),
        }),
        _ => None,
    });
    let body = Data {
        data: ImportResults {
            batch: BatchView::of(result),
            results: failed.collect(),
            columns: layout.columns().iter().map(ColumnView::of).collect(),
            warnings: layout.warnings().iter().map(WarningView::of).collect(),
        },
    };
    serde_json::to_vec(&body).expect("texts, numbers and lists can always be written as JSON")
}

/// Returns the response with the result of an import.
///
/// # Errors
/// If rendering panics.
pub(crate) async fn response(
    upsert: Arc<NewUpsert>,
    result: UpsertResult,
    layout: Arc<FileLayout>,
) -> Result<HttpResponse, ApiError> {
    let (batch, options) = (result.batch, upsert.batch.options());
    let rows = result.rows.len();
    let body = render_stored(batch, rows, move || render(&layout, &result)).await?;
    Ok(batch_response(status(options), batch, body))
}

/// Returns the response to a request with an idempotency key.
pub(crate) fn idempotent_response(
    options: BatchOptions,
    response: IdempotentResponse,
) -> HttpResponse {
    created_devices::idempotent_response(status(options), response)
}

/// Returns the status of an import: 201 if all rows create devices, otherwise that of a batch with
/// options.
fn status(options: BatchOptions) -> StatusCode {
    if options.on_conflict == OnConflict::Error && options.is_atomic {
        StatusCode::CREATED
    } else {
        batch_results::status(options)
    }
}
