//! What answers where.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::{
    App, Error, FromRequest, Handler, HttpResponse, Resource, Responder, Route, guard, web,
};

use crate::http::handlers::devices;
use crate::http::handlers::docs;
use crate::http::handlers::enrollments;
use crate::http::handlers::health;
use crate::http::handlers::users;
use crate::http::limits::key_rate_limit;
use crate::http::middleware::access_log;
use crate::http::middleware::drain_body;
use crate::http::respond::api_error::ApiError;
use crate::http::state::State;

/// The prefix under which the vendor's clients call the same operations.
const VENDOR_PREFIX: &str = "/platform/v1";

/// Everything that the server answers.
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
    App::new()
        .app_data(state)
        .wrap(from_fn(key_rate_limit::middleware))
        .wrap(from_fn(access_log::middleware))
        .wrap(from_fn(drain_body::middleware))
        .service(
            web::scope(VENDOR_PREFIX)
                .configure(operations)
                .default_service(web::to(not_found)),
        )
        .configure(operations)
        .service(get("/livez", health::livez))
        .service(get("/readyz", health::readyz))
        .service(get("/openapi.yaml", docs::yaml))
        .service(get("/openapi.json", docs::json))
        .service(get("/docs", docs::to_docs))
        .service(get("/docs/{file:.*}", docs::docs))
        .default_service(web::to(not_found))
}

async fn not_found() -> Result<HttpResponse, ApiError> {
    Err(ApiError::NotFound)
}

fn operations(scope: &mut web::ServiceConfig) {
    scope
        .service(
            resource("/devices", &[Method::GET, Method::HEAD, Method::POST])
                .route(read(devices::list))
                .route(web::post().to(devices::create)),
        )
        // Before the path with an id, which it looks like.
        .service(get("/devices/export", devices::export))
        .service(
            resource("/devices/{device_id}", READ_CHANGE_DELETE)
                .route(read(devices::get))
                .route(web::patch().to(devices::update))
                .route(web::delete().to(devices::delete)),
        )
        .service(
            resource("/users", &[Method::GET, Method::HEAD, Method::POST])
                .route(read(users::list))
                .route(web::post().to(users::create)),
        )
        .service(
            resource("/users/{user_id}", READ_CHANGE_DELETE)
                .route(read(users::get))
                .route(web::patch().to(users::update))
                .route(web::delete().to(users::delete)),
        )
        .service(get("/mdm/enrollments", enrollments::list))
        .service(
            resource(
                "/mdm/enrollments/{serial_number}",
                &[Method::PUT, Method::DELETE],
            )
            .route(web::put().to(enrollments::put))
            .route(web::delete().to(enrollments::delete)),
        );
}

const READ_CHANGE_DELETE: &[Method] = &[Method::GET, Method::HEAD, Method::PATCH, Method::DELETE];

/// Answers GET, and HEAD with the same headers and no body; nothing else.
fn get<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    F::Output: Responder + 'static,
    Args: FromRequest + 'static,
{
    resource(path, &[Method::GET, Method::HEAD]).route(read(handler))
}

/// Answers GET, and HEAD with the same headers and no body.
fn read<F, Args>(handler: F) -> Route
where
    F: Handler<Args>,
    F::Output: Responder + 'static,
    Args: FromRequest + 'static,
{
    let reads = guard::Any(guard::Get()).or(guard::Head());
    web::route().guard(reads).to(handler)
}

/// A resource that names its methods where it is asked for another.
fn resource(path: &str, methods: &'static [Method]) -> Resource {
    web::resource(path).default_service(web::to(move || async move {
        Err::<HttpResponse, _>(ApiError::MethodNotAllowed(methods))
    }))
}
