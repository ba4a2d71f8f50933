//! `POST /devices/import` and `POST /devices/import/validate`.

mod run;
mod validate;

use actix_web::web;
use devices_import::ImportLimits;

use crate::http::respond::api_error::ApiError;
use crate::settings::Limits;

pub(crate) use run::run;
pub(crate) use validate::validate;

fn import_limits(limits: &Limits) -> ImportLimits {
    ImportLimits {
        max_rows: limits.max_import_rows,
        ..ImportLimits::default()
    }
}

/// Runs `work` on a blocking thread. A small workbook can inflate to 128 MiB.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    let done = web::block(work).await;
    done.map_err(|_| ApiError::Internal("the import of a file panicked".into()))
}
