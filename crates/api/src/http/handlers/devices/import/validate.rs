//! `POST /devices/import/validate`: a dry run of `POST /devices/import`.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use devices_domain::{BatchPlan, UpsertDevices};
use devices_import::{
    BatchImportOptions, ImportLimits, ReadFile, RejectedFile, RejectedFormat, read_batch,
    rejected_rows as write_rejected_rows,
};

use super::{blocking, import_limits};
use crate::http::extract::accept::{self, AcceptedFormat};
use crate::http::extract::auth::WriteAccess;
use crate::http::extract::import_head::ImportHead;
use crate::http::extract::upload::Upload;
use crate::http::limits::run_to_completion::run_to_completion;
use crate::http::respond::api_error::ApiError;
use crate::http::respond::import_plan;
use crate::http::respond::rejected_rows;
use crate::http::state::State;

/// Returns how a file is interpreted, what an import would do, and the errors of the rows. Returns
/// only the rejected rows if `Accept` prefers a file. Stores nothing: an idempotency key is checked
/// and ignored.
pub(crate) async fn validate(
    WriteAccess(actor, store): WriteAccess,
    _: ImportHead,
    PlanFormat(format): PlanFormat,
    upload: Upload,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let limits = import_limits(&state.limits);
    let use_case = UpsertDevices::new(store.devices);
    let output = format.map(|format| RejectedOutput {
        format,
        max_bytes: state.limits.max_import_bytes.saturating_mul(MAX_GROWTH),
    });
    run_to_completion(&state, actor, plan(use_case, upload, limits, output)).await
}

/// Maximum size of the rejected rows, as a multiple of the maximum size of a file. A workbook is
/// compressed.
const MAX_GROWTH: usize = 2;

/// File of the rejected rows.
struct RejectedOutput {
    format: RejectedFormat,
    max_bytes: usize,
}

/// Format of the response: the plan as JSON, or a file of the rejected rows.
pub(crate) struct PlanFormat(Option<RejectedFormat>);

/// All formats. Negotiation prefers the last of equal ones.
const FORMATS: [AcceptedFormat<Option<RejectedFormat>>; 3] = [
    (Some(RejectedFormat::Xlsx), &[RejectedFile::XLSX]),
    (Some(RejectedFormat::Csv), &[RejectedFile::CSV, "text/*"]),
    (None, &["application/json", "application/*", "*/*"]),
];

impl FromRequest for PlanFormat {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(accept::negotiate(request, &FORMATS).map(Self))
    }
}

async fn plan(
    use_case: UpsertDevices,
    upload: Upload,
    limits: ImportLimits,
    output: Option<RejectedOutput>,
) -> Result<HttpResponse, ApiError> {
    let Upload {
        file,
        file_name,
        options,
        permit,
    } = upload;
    let mut options = BatchImportOptions::parse(&options)?;
    // Plans each row on its own, so that each has its own result.
    options.batch.is_atomic = false;
    let read = move || read_batch(file, &options, limits);
    let ReadFile {
        mut file,
        batch,
        layout,
    } = blocking(read).await??;
    let (batch, plan) = match use_case.plan(batch).await {
        Ok(planned) => planned,
        Err(error) => return Err(ApiError::of_file(error, layout.into())),
    };
    let BatchPlan { rows, new_users } = plan;
    drop(batch);
    let response = match output {
        None => {
            let render = move || import_plan::render(&file, &layout, &rows, new_users);
            import_plan::response(blocking(render).await?)
        }
        Some(RejectedOutput { format, max_bytes }) => {
            let write = move || write_rejected_rows(&mut file, &layout, &rows, format, max_bytes);
            let rejected = blocking(write).await??;
            rejected_rows::response(rejected, file_name.as_deref())
        }
    };
    // The permit also covers the batch and the response, which are made from the file.
    drop(permit);
    Ok(response)
}
