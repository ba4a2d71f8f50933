//! Enrolments in device management.

mod detail;
mod filter;
mod list;

use actix_web::web;

use crate::routes::page;

/// Adds the routes.
pub(crate) fn routes(scope: &mut web::ServiceConfig) {
    scope
        .service(page("/enrollments").get(list::list))
        .service(page("/enrollments/{serial_number}").get(detail::show));
}
