//! Routes of the console.

use actix_web::middleware::{Compress, from_fn};
use actix_web::{HttpResponse, Resource, Route, guard, web};

use crate::PATH;
use crate::assets;
use crate::error::ConsoleError;
use crate::host::Console;
use crate::pages::{
    activity, batches, device, devices, enrollments, import, keys, overview, sign_in, users,
};
use crate::response_headers::response_headers;
use crate::same_origin;
use crate::session;

/// Returns the configuration that adds the console to an application under [`PATH`].
pub fn routes(console: Console) -> impl FnOnce(&mut web::ServiceConfig) {
    move |app| {
        let pages = web::scope("")
            .wrap(from_fn(session::middleware))
            .configure(activity::routes)
            .configure(batches::routes)
            .configure(device::routes)
            .configure(devices::routes)
            .configure(import::routes)
            .configure(overview::routes)
            .configure(users::routes)
            .configure(enrollments::routes)
            .configure(keys::routes)
            .default_service(web::to(not_found));
        let scope = web::scope(PATH)
            .app_data(console)
            .app_data(
                web::PathConfig::default().error_handler(|_, _| ConsoleError::NotFound.into()),
            )
            // The last `wrap` is the outermost.
            .wrap(from_fn(same_origin::middleware))
            .wrap(response_headers())
            .wrap(Compress::default())
            .service(page("/assets/{name}").route(get().to(assets::get)))
            .configure(sign_in::routes)
            .service(pages);
        app.service(scope);
    }
}

/// Creates the resource of a page. Methods without a route get an error page (405).
pub(crate) fn page(path: &str) -> Resource {
    web::resource(path).default_service(web::to(method_not_allowed))
}

/// Creates a route for GET and HEAD (RFC 9110, section 9.1).
pub(crate) fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

async fn method_not_allowed() -> Result<HttpResponse, ConsoleError> {
    Err(ConsoleError::MethodNotAllowed)
}

async fn not_found() -> Result<HttpResponse, ConsoleError> {
    Err(ConsoleError::NotFound)
}
