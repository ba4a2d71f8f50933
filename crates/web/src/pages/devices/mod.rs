//! The list of devices: filters, columns, changes of many devices, and the export.

mod action;
mod address;
mod bulk;
mod columns;
mod export;
mod filter;
mod list;
mod load;
mod selection;
mod serial_numbers;

use actix_web::http::Method;
use actix_web::web;

use crate::routes::page;

pub(crate) use columns::Cell;

/// Adds the routes.
pub(crate) fn routes(scope: &mut web::ServiceConfig) {
    scope
        .service(page("/devices").get(list::show).post(list::filter))
        .service(page("/devices/columns").post(list::choose_columns))
        .service(
            page("/devices/export")
                // Not HEAD: each export is recorded in the audit trail.
                .method(Method::GET, export::export)
                .post(export::export_form),
        )
        .service(page("/devices/bulk").get(bulk::confirm).post(bulk::select))
        .service(page("/devices/bulk/run").post(bulk::run))
        .service(page("/devices/bulk/result").get(bulk::result));
}
