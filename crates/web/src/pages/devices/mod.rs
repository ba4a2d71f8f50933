//! The list of devices: filters, columns, changes of many devices, and the export.

mod action;
mod address;
mod bulk;
mod columns;
mod export;
mod filter;
mod list;
mod query_task;
mod selection;
mod serial_numbers;

use actix_web::web;

use crate::routes::{get, page};

pub(crate) use columns::Cell;

/// Adds the routes.
pub(crate) fn routes(scope: &mut web::ServiceConfig) {
    scope
        .service(
            page("/devices")
                .route(get().to(list::show))
                .route(web::post().to(list::filter)),
        )
        .service(page("/devices/columns").route(web::post().to(list::choose_columns)))
        .service(
            page("/devices/export")
                // Not HEAD: each export is recorded in the audit trail.
                .route(web::get().to(export::export))
                .route(web::post().to(export::export_form)),
        )
        .service(
            page("/devices/bulk")
                .route(get().to(bulk::confirm))
                .route(web::post().to(bulk::begin)),
        )
        .service(page("/devices/bulk/run").route(web::post().to(bulk::run)))
        .service(page("/devices/bulk/result").route(get().to(bulk::result)));
}
