//! Batches: the imports and requests that stored devices together, and their undo.

mod detail;
mod list;
mod undo;

use actix_web::web;

use crate::routes::{get, page};

/// Adds the routes.
pub(crate) fn routes(scope: &mut web::ServiceConfig) {
    scope
        .service(page("/batches").route(get().to(list::list)))
        .service(page("/batches/{batch_id:\\d{1,18}}").route(get().to(detail::show)))
        .service(
            page("/batches/{batch_id:\\d{1,18}}/undo")
                .route(get().to(undo::preview))
                .route(web::post().to(undo::undo)),
        );
}
