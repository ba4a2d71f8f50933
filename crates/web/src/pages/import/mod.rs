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
use devices_domain::{CreateDevicesError, IdempotencyError};

use crate::error::ConsoleError;
use crate::respond::see_other;
use crate::routes::{get, page};

/// Adds the routes.
pub(crate) fn routes(scope: &mut web::ServiceConfig) {
    scope.service(page("/import").route(get().to(start::show)));
    scope.service(page("/import/results/{batch}").route(get().to(result::show)));
    let steps = [
        ("/import/columns", web::post().to(columns::show)),
        ("/import/plan", web::post().to(plan::show)),
        ("/import/run", web::post().to(run::run)),
        ("/import/rejected", web::post().to(download::rejected)),
        ("/import/mapping", web::post().to(download::mapping)),
    ];
    for (path, route) in steps {
        let step = page(path).route(route);
        // An address that was copied from the middle of an import leads to its start.
        scope.service(step.route(get().to(to_start)));
    }
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
        CreateDevicesError::Idempotency(IdempotencyError::InProgress) => {
            ConsoleError::Busy("the same import is in progress")
        }
        CreateDevicesError::Idempotency(IdempotencyError::QuotaExceeded) => {
            ConsoleError::Busy("the stored responses of the workspace fill their quota")
        }
        CreateDevicesError::Idempotency(IdempotencyError::KeyReused) => {
            ConsoleError::MalformedForm("the idempotency key belongs to another import")
        }
        CreateDevicesError::Rejected(_) => {
            ConsoleError::Internal("the rejection of a file was not handled".into())
        }
    }
}
