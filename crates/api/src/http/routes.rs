//! Routes: paths, methods and the middleware of each.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::{
    App, Error, FromRequest, Handler, HttpResponse, Resource, Responder, Route, guard, web,
};

use crate::http::console;
use crate::http::handlers::batches;
use crate::http::handlers::devices;
use crate::http::handlers::docs;
use crate::http::handlers::enrollments;
use crate::http::handlers::events;
use crate::http::handlers::health;
use crate::http::handlers::keys;
use crate::http::handlers::users;
use crate::http::middleware::access_log;
use crate::http::middleware::authentication::{require_admin, require_read, require_write};
use crate::http::middleware::keep_payload;
use crate::http::middleware::preference_applied;
use crate::http::middleware::rate_limit_headers;
use crate::http::middleware::reject_query;
use crate::http::middleware::security_headers;
use crate::http::respond::api_error::ApiError;
use crate::http::state::State;

/// Prefix under which the vendor's clients call the same operations.
const VENDOR_PREFIX: &str = "/platform/v1";

/// Builds the application.
pub fn app(
    state: web::Data<State>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    let console = console::routes(state.clone());
    App::new()
        .app_data(state)
        // The last `wrap` is the outermost.
        .wrap(from_fn(rate_limit_headers::middleware))
        .wrap(from_fn(access_log::middleware))
        .wrap(from_fn(keep_payload::middleware))
        .wrap(from_fn(security_headers::middleware))
        .service(
            web::scope(VENDOR_PREFIX)
                .configure(operations)
                .default_service(web::to(not_found)),
        )
        .configure(operations)
        .configure(console)
        .service(public("/", docs::root))
        .service(public("/livez", health::livez))
        .service(public("/readyz", health::readyz))
        .service(public("/openapi.yaml", docs::yaml))
        .service(public("/openapi.json", docs::json))
        .service(public("/docs", docs::to_docs))
        .service(public("/docs/{file:.*}", docs::docs))
        .default_service(web::to(not_found))
}

async fn not_found() -> Result<HttpResponse, ApiError> {
    Err(ApiError::NotFound)
}

const GET: &[Method] = &[Method::GET, Method::HEAD];
const GET_POST: &[Method] = &[Method::GET, Method::HEAD, Method::POST];
const POST: &[Method] = &[Method::POST];
const DELETE: &[Method] = &[Method::DELETE];
const GET_PATCH_DELETE: &[Method] = &[Method::GET, Method::HEAD, Method::PATCH, Method::DELETE];
const GET_PUT_DELETE: &[Method] = &[Method::GET, Method::HEAD, Method::PUT, Method::DELETE];

fn operations(scope: &mut web::ServiceConfig) {
    scope
        .service(
            resource("/devices", GET_POST)
                .route(read_query(devices::list))
                .route(write_batch(devices::create)),
        )
        // Registered before `/devices/{device_id}`, which also matches these paths.
        .service(resource("/devices/export", GET).route(read_query(devices::export)))
        .service(resource("/devices/validate", POST).route(write_batch(devices::validate)))
        .service(resource("/devices/import", POST).route(write(Method::POST, devices::import)))
        .service(
            resource("/devices/import/validate", POST)
                .route(write(Method::POST, devices::validate_import)),
        )
        .service(
            resource("/devices/{device_id}", GET_PATCH_DELETE)
                .route(read(devices::get))
                .route(write_fields(Method::PATCH, devices::update))
                .route(write(Method::DELETE, devices::delete)),
        )
        .service(
            resource("/devices/{device_id}/restore", POST)
                .route(write(Method::POST, devices::restore)),
        )
        .service(resource("/batches", GET).route(read_query(batches::list)))
        .service(resource("/batches/{batch_id}", GET).route(read(batches::get)))
        .service(
            resource("/batches/{batch_id}/undo", GET_POST)
                .route(read_query(batches::preview_undo))
                .route(write_query(Method::POST, batches::undo)),
        )
        .service(
            resource("/users", GET_POST)
                .route(read_query(users::list))
                .route(write_fields(Method::POST, users::create)),
        )
        .service(
            resource("/users/{user_id}", GET_PATCH_DELETE)
                .route(read(users::get))
                .route(write_fields(Method::PATCH, users::update))
                .route(write(Method::DELETE, users::delete)),
        )
        .service(resource("/mdm/enrollments", GET).route(read_query(enrollments::list)))
        .service(
            resource("/mdm/enrollments/{serial_number}", GET_PUT_DELETE)
                .route(read(enrollments::get))
                .route(write_fields(Method::PUT, enrollments::put))
                .route(write(Method::DELETE, enrollments::delete)),
        )
        .service(
            resource("/keys", GET_POST)
                .route(admin_query(keys::list))
                .route(admin(Method::POST, keys::create)),
        )
        .service(resource("/keys/{key_id}", DELETE).route(admin(Method::DELETE, keys::revoke)))
        .service(resource("/keys/{key_id}/rotate", POST).route(admin(Method::POST, keys::rotate)))
        .service(resource("/events", GET).route(read_query(events::list)));
}

/// Routes GET and HEAD on a path that needs no key. Ignores the query.
fn public<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    F::Output: Responder + 'static,
    Args: FromRequest + 'static,
{
    resource(path, GET).route(get_or_head().to(handler))
}

// The last `wrap` is the outermost: a request without a valid key is rejected for its key, whatever
// its query.

/// Routes GET and HEAD with a key that allows reading. Rejects all query parameters.
fn read<F, Args>(handler: F) -> Route
where
    F: Handler<Args>,
    F::Output: Responder + 'static,
    Args: FromRequest + 'static,
{
    get_or_head()
        .to(handler)
        .wrap(from_fn(reject_query::middleware))
        .wrap(from_fn(require_read))
}

/// Routes GET and HEAD like [`read()`]. The handler reads the query, with
/// [`QueryParams::read`](crate::http::extract::query::QueryParams::read).
fn read_query<F, Args>(handler: F) -> Route
where
    F: Handler<Args>,
    F::Output: Responder + 'static,
    Args: FromRequest + 'static,
{
    get_or_head().to(handler).wrap(from_fn(require_read))
}

/// Routes a method with a key that allows writing. Rejects all query parameters.
fn write<F, Args>(method: Method, handler: F) -> Route
where
    F: Handler<Args>,
    F::Output: Responder + 'static,
    Args: FromRequest + 'static,
{
    web::method(method)
        .to(handler)
        .wrap(from_fn(reject_query::middleware))
        .wrap(from_fn(require_write))
}

/// Routes a method like [`write`]. An extractor before the body reads the query.
fn write_query<F, Args>(method: Method, handler: F) -> Route
where
    F: Handler<Args>,
    F::Output: Responder + 'static,
    Args: FromRequest + 'static,
{
    web::method(method).to(handler).wrap(from_fn(require_write))
}

/// Routes a method like [`write`]. Its body has fields, so it honours `Prefer: handling=lenient`.
fn write_fields<F, Args>(method: Method, handler: F) -> Route
where
    F: Handler<Args>,
    F::Output: Responder + 'static,
    Args: FromRequest + 'static,
{
    web::method(method)
        .to(handler)
        .wrap(from_fn(reject_query::middleware))
        .wrap(from_fn(preference_applied::middleware))
        .wrap(from_fn(require_write))
}

/// Routes POST of a batch like [`write_fields`]. The handler reads the query: the
/// [options](crate::http::extract::batch_options).
fn write_batch<F, Args>(handler: F) -> Route
where
    F: Handler<Args>,
    F::Output: Responder + 'static,
    Args: FromRequest + 'static,
{
    web::post()
        .to(handler)
        .wrap(from_fn(preference_applied::middleware))
        .wrap(from_fn(require_write))
}

/// Routes a method with a key that allows managing keys. Rejects all query parameters.
fn admin<F, Args>(method: Method, handler: F) -> Route
where
    F: Handler<Args>,
    F::Output: Responder + 'static,
    Args: FromRequest + 'static,
{
    web::method(method)
        .to(handler)
        .wrap(from_fn(reject_query::middleware))
        .wrap(from_fn(require_admin))
}

/// Routes GET and HEAD with a key that allows managing keys. The handler reads the query.
fn admin_query<F, Args>(handler: F) -> Route
where
    F: Handler<Args>,
    F::Output: Responder + 'static,
    Args: FromRequest + 'static,
{
    get_or_head().to(handler).wrap(from_fn(require_admin))
}

/// Matches GET and HEAD. For HEAD, actix sends the headers of the response without its body.
fn get_or_head() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// Creates a resource that rejects methods other than these with a 405 that names them.
fn resource(path: &str, methods: &'static [Method]) -> Resource {
    web::resource(path).default_service(web::to(move || async move {
        Err::<HttpResponse, _>(ApiError::MethodNotAllowed(methods))
    }))
}
