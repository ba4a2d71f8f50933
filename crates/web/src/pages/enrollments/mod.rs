//! Enrolments in device management.

mod detail;
mod filter;
mod list;

use actix_web::web;

/// Adds the routes.
pub(crate) fn routes(scope: &mut web::ServiceConfig) {
    scope
        .route("/enrollments", web::get().to(list::list))
        .route("/enrollments/{serial_number}", web::get().to(detail::show));
}
