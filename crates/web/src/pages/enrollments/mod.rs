//! Enrolments in device management.

mod detail;
mod filter;
mod list;

use actix_web::web;

use crate::routes::{get, page};

/// Adds the routes.
pub(crate) fn routes(scope: &mut web::ServiceConfig) {
    scope
        .service(page("/enrollments").route(get().to(list::list)))
        .service(page("/enrollments/{serial_number}").route(get().to(detail::show)));
}
