//! Import of a spreadsheet: upload, columns, plan, result.
//!
//! The server keeps nothing between the steps. The form of each page carries the file and the
//! options (ADR 58), so that any server can handle each step.

mod choices;
mod columns;
mod download;
mod embedded_file;
mod form;
mod options;
mod plan;
mod result;
mod run;
mod start;
mod table;
mod tile;
mod values;
mod wording;

use actix_web::{HttpResponse, web};
use devices_domain::CreateDevicesError;

use crate::error::ConsoleError;
use crate::respond::see_other;
use crate::routes::page;

/// Adds the routes.
pub(crate) fn routes(scope: &mut web::ServiceConfig) {
    // An address that was copied from the middle of an import leads to its start.
    let step = |path| page(path).get(to_start);
    scope
        .service(page("/import").get(start::show))
        .service(page("/import/results/{batch:\\d+}").get(result::show))
        .service(step("/import/columns").post(columns::show))
        .service(step("/import/plan").post(plan::show))
        .service(step("/import/run").post(run::run))
        .service(step("/import/rejected").post(download::rejected))
        .service(step("/import/mapping").post(download::mapping));
}

async fn to_start() -> HttpResponse {
    see_other("/import")
}

/// Runs `work` on a blocking thread. A small workbook can inflate to 128 MiB.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ConsoleError> {
    let done = web::block(work).await;
    done.map_err(|_| ConsoleError::Internal("a step of an import panicked".into()))
}

/// Converts an error of the store. The caller handles rejected rows.
fn store_error(error: CreateDevicesError) -> ConsoleError {
    match error {
        CreateDevicesError::Repository(error) => error.into(),
        CreateDevicesError::Idempotency(error) => error.into(),
        CreateDevicesError::Rejected(_) => {
            ConsoleError::Internal("the rejection of a file was not handled".into())
        }
    }
}
