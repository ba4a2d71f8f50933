//! Batches: the imports and requests that stored devices together, and their undo.

mod detail;
mod list;
mod undo;

use actix_web::web;

use crate::routes::page;

/// Adds the routes.
pub(crate) fn routes(scope: &mut web::ServiceConfig) {
    scope
        .service(page("/batches").get(list::list))
        .service(page("/batches/{batch_id:\\d+}").get(detail::show))
        .service(
            page("/batches/{batch_id:\\d+}/undo")
                .get(undo::preview)
                .post(undo::undo),
        );
}
