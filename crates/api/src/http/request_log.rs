//! One log line a request, and the id that client and operator know it by.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError};
use devices_domain::Actor;
use futures_util::FutureExt;
use uuid::Uuid;

use super::problem::Problem;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is learned of a request on its way, for its log line.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) actor: Option<Actor>,
    /// How many devices came in the batch.
    pub(super) devices: Option<usize>,
}

/// Answers every request with its id, and writes one line about it. The line holds no secret and
/// no value of a customer's: no path but the route's pattern, no query, no header, no body.
pub(super) async fn middleware(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let started = Instant::now();
    let request_id = request_id(&request);
    let method = request.method().clone();
    let route = request.match_pattern();
    request.extensions_mut().insert(Facts::default());

    let answered = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    let line = |status: StatusCode, facts: Facts, problem: Option<&Problem>| {
        log(&Line {
            request_id: &request_id,
            method: method.as_str(),
            route: route.as_deref().unwrap_or("none"),
            status: status.as_u16(),
            milliseconds: started.elapsed().as_secs_f64() * 1_000.0,
            facts,
            problem,
        });
    };
    match answered {
        Ok(Ok(mut response)) => {
            identify(response.headers_mut(), &request_id);
            let facts = response.request().extensions_mut().remove::<Facts>();
            let problem = response.response().error().and_then(Error::as_error);
            line(response.status(), facts.unwrap_or_default(), problem);
            Ok(response)
        }
        Ok(Err(error)) => {
            let problem = error.as_error::<Problem>();
            line(error.error_response().status(), Facts::default(), problem);
            Err(identified(error.error_response(), &request_id))
        }
        Err(_) => {
            let problem = Problem::Internal("a panic".into());
            line(problem.status_code(), Facts::default(), Some(&problem));
            Err(identified(problem.error_response(), &request_id))
        }
    }
}

/// The id that the client sent, if it is fit to be written down; else a new one.
fn request_id(request: &ServiceRequest) -> String {
    let sent = request.headers().get(X_REQUEST_ID);
    let fit = |id: &&str| {
        (1..=128).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    sent.and_then(|value| value.to_str().ok())
        .filter(fit)
        .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

fn identify(headers: &mut HeaderMap, request_id: &str) {
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(X_REQUEST_ID, value);
    }
}

/// An error whose answer carries the id.
fn identified(mut response: HttpResponse, request_id: &str) -> Error {
    identify(response.headers_mut(), request_id);
    InternalError::from_response("answered", response).into()
}

struct Line<'a> {
    request_id: &'a str,
    method: &'a str,
    route: &'a str,
    status: u16,
    milliseconds: f64,
    facts: Facts,
    problem: Option<&'a Problem>,
}

fn log(line: &Line<'_>) {
    macro_rules! write_at {
        ($level:expr) => {
            tracing::event!(
                $level,
                request_id = line.request_id,
                method = line.method,
                route = line.route,
                status = line.status,
                duration_ms = (line.milliseconds * 1_000.0).round() / 1_000.0,
                workspace = line.facts.actor.map(|actor| actor.workspace.0),
                key = line.facts.actor.map(|actor| actor.key.0),
                devices = line.facts.devices,
                problem = line.problem.map(Problem::code),
                cause = line.problem.and_then(Problem::cause),
                "request"
            )
        };
    }
    match line.status {
        500.. => write_at!(tracing::Level::ERROR),
        _ => write_at!(tracing::Level::INFO),
    }
}
