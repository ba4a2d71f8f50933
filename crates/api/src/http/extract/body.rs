//! Reads bodies: JSON by their content type, within the limits of size and time.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use actix_web::{FromRequest, HttpRequest, web};
use devices_domain::{ErrorCode, FieldError, Reason, WorkspaceId};
use futures_util::StreamExt;
use futures_util::future::{FutureExt, LocalBoxFuture};
use tokio::time::Instant;

use crate::http::extract::auth::authenticated;
use crate::http::limits::concurrency::Permit;
use crate::http::respond::api_error::ApiError;
use crate::http::state::State;
use crate::settings::Limits;

/// Size in bytes from which on a body is large: it needs a permit before it is read, and is parsed
/// on a blocking thread.
pub(crate) const LARGE_BODY: usize = 64 * 1024;

/// A body that was read.
///
/// # Errors
/// - `UnsupportedMediaType` if the body is not declared as uncompressed JSON.
/// - `PayloadTooLarge` if it exceeds the maximum size.
/// - `RequestTimeout` if it is sent too slowly.
/// - `Busy` if it is large and no permit becomes available in time.
pub(crate) struct Body {
    pub(crate) bytes: Vec<u8>,
    /// Permit for holding a large body, and everything parsed from it, in memory.
    pub(crate) permit: Option<Permit>,
}

impl FromRequest for Body {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        async move { read(&request, payload).await }.boxed_local()
    }
}

async fn read(request: &HttpRequest, payload: Payload) -> Result<Body, ApiError> {
    let workspace = authenticated(request)?.workspace;
    let state = State::of(request)?;
    if !is_uncompressed_json(request) {
        return Err(ApiError::UnsupportedMediaType);
    }
    let length = request.headers().get(CONTENT_LENGTH);
    let announced = length.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let announced = announced.unwrap_or_default();
    if announced > state.limits.body_bytes as u64 {
        return Err(ApiError::PayloadTooLarge);
    }
    let permit = if announced >= LARGE_BODY as u64 {
        Some(acquire_permit(state, workspace).await?)
    } else {
        None
    };
    let body = Body {
        // The announced length can be trusted: it is within the limit, and a large body has a
        // permit.
        bytes: Vec::with_capacity(
            LARGE_BODY
                .min(state.limits.body_bytes)
                .max(announced as usize),
        ),
        permit,
    };
    let rate = MinRate::new(&state.limits, announced);
    body.fill(payload, state, workspace, rate).await
}

/// Waits for the permit like for a connection of the pool, so that a burst of large bodies is not
/// rejected.
async fn acquire_permit(state: &State, workspace: WorkspaceId) -> Result<Permit, ApiError> {
    let timeout = Duration::from_millis(state.limits.large_body_wait_ms);
    state.large_bodies.acquire_timeout(workspace, timeout).await
}

/// Time for which the minimum rate is not enforced.
const GRACE_PERIOD: Duration = Duration::from_secs(2);

/// Minimum rate at which a body must arrive.
struct MinRate {
    bytes_per_second: f64,
    /// Timeout for the whole body.
    timeout: Duration,
}

impl MinRate {
    /// An announced body must arrive at the rate that completes it in time: a client cannot hold a
    /// permit for longer by sending slowly.
    fn new(limits: &Limits, announced: u64) -> Self {
        let timeout = limits.body_deadline();
        let min = limits.body_bytes_per_second as f64;
        Self {
            bytes_per_second: min.max(announced as f64 / timeout.as_secs_f64()),
            timeout,
        }
    }

    /// Returns the time since the start by which more than `received` bytes must have arrived.
    fn next_deadline(&self, received: usize) -> Duration {
        let allowed = Duration::from_secs_f64(received as f64 / self.bytes_per_second);
        self.timeout.min(GRACE_PERIOD + allowed)
    }
}

impl Body {
    async fn fill(
        mut self,
        mut payload: Payload,
        state: &State,
        workspace: WorkspaceId,
        rate: MinRate,
    ) -> Result<Self, ApiError> {
        let mut started = Instant::now();
        loop {
            let deadline = started + rate.next_deadline(self.bytes.len());
            let next = tokio::time::timeout_at(deadline, payload.next()).await;
            let Some(chunk) = next.map_err(|_| ApiError::RequestTimeout)? else {
                return Ok(self);
            };
            let chunk = chunk.map_err(|error| match error {
                PayloadError::Overflow => ApiError::PayloadTooLarge,
                _ => FieldError::whole(
                    ErrorCode::InvalidBody,
                    Reason::NotJson,
                    "is not JSON: it ended before it was complete",
                )
                .into(),
            })?;
            let length = self.bytes.len() + chunk.len();
            if length > state.limits.body_bytes {
                return Err(ApiError::PayloadTooLarge);
            }
            if length >= LARGE_BODY && self.permit.is_none() {
                // The client cannot send during the wait, so the wait does not count.
                let waiting = Instant::now();
                self.permit = Some(acquire_permit(state, workspace).await?);
                started += waiting.elapsed();
            }
            self.bytes.extend_from_slice(&chunk);
        }
    }
}

/// Applies `parse` to a body, and returns the body with the result. Moves a large body to a
/// blocking thread, so that other requests of the worker do not wait for it.
pub(crate) async fn run_blocking_if_large<T: Send + 'static>(
    body: Vec<u8>,
    parse: impl FnOnce(&[u8]) -> T + Send + 'static,
) -> Result<(T, Vec<u8>), ApiError> {
    if body.len() < LARGE_BODY {
        return Ok((parse(&body), body));
    }
    let parsed = web::block(move || (parse(&body), body)).await;
    parsed.map_err(|_| ApiError::Internal("a panic".into()))
}

/// Returns whether the only content type is JSON, and the body is not compressed.
fn is_uncompressed_json(request: &HttpRequest) -> bool {
    let values = |name: HeaderName| {
        let values = request.headers().get_all(name);
        values.map(|value| value.to_str().unwrap_or_default())
    };
    let mut types = values(CONTENT_TYPE).map(|value| value.split(';').next().unwrap_or_default());
    let is = |value: &str, expected: &str| value.trim().eq_ignore_ascii_case(expected);
    types
        .next()
        .is_some_and(|value| is(value, "application/json"))
        && types.next().is_none()
        && values(CONTENT_ENCODING).all(|value| is(value, "identity"))
}
