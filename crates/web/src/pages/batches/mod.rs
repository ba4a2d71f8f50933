//! Batches: the imports and requests that stored devices together, and their undo.

mod detail;
mod list;
mod undo;

use actix_web::web;

/// Adds the routes.
pub(crate) fn routes(scope: &mut web::ServiceConfig) {
    scope
        .route("/batches", web::get().to(list::list))
        .route("/batches/{batch_id}", web::get().to(detail::show))
        .service(
            web::resource("/batches/{batch_id}/undo")
                .route(web::get().to(undo::preview))
                .route(web::post().to(undo::undo)),
        );
}
