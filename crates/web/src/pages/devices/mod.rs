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

pub(crate) use columns::Cell;

/// Adds the routes.
pub(crate) fn routes(scope: &mut web::ServiceConfig) {
    scope
        .service(
            web::resource("/devices")
                .route(web::get().to(list::show))
                .route(web::post().to(list::filter)),
        )
        .route("/devices/columns", web::post().to(list::choose_columns))
        .service(
            web::resource("/devices/export")
                .route(web::get().to(export::export))
                .route(web::post().to(export::export_form)),
        )
        .service(
            web::resource("/devices/bulk")
                .route(web::get().to(bulk::confirm))
                .route(web::post().to(bulk::begin)),
        )
        .route("/devices/bulk/run", web::post().to(bulk::run))
        .route("/devices/bulk/result", web::get().to(bulk::result));
}
