//! Reads JSON request bodies. Enforces a maximum size and a minimum rate.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::Method;
use actix_web::http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, TRANSFER_ENCODING,
};
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

/// Minimum size in bytes of a large body. Reading one requires a permit, and parsing it moves to a
/// blocking thread.
const LARGE_BODY_BYTES: usize = 64 * 1024;

/// A request body, fully read.
///
/// The extractor fails with
/// - `UnsupportedMediaType` or `UnsupportedPatchType` if the body is not declared as uncompressed
///   JSON,
/// - `PayloadTooLarge` if it exceeds the maximum size,
/// - `RequestTimeout` if it arrives too slowly,
/// - `Busy` if it is large and no permit becomes available in time,
/// - `Rejected` if it ends before it is complete.
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
        async move {
            check_media_type(&request)?;
            read(&request, payload).await
        }
        .boxed_local()
    }
}

/// Returns the declared length of a body. `None` if it is invalid or not declared.
fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Returns whether a body may be large: its declared length is large or invalid, or it is chunked
/// and has no declared length.
pub(crate) fn may_be_large(headers: &HeaderMap) -> bool {
    match content_length(headers) {
        Some(length) => length >= LARGE_BODY_BYTES as u64,
        None => headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING),
    }
}

/// Reads a body that may be absent. Only one with bytes needs a media type.
pub(crate) async fn read_optional(
    request: &HttpRequest,
    payload: Payload,
) -> Result<Option<Body>, ApiError> {
    // Read before the media type is checked: only reading shows whether a chunked body has any
    // bytes.
    let body = read(request, payload).await?;
    if body.bytes.is_empty() {
        return Ok(None);
    }
    check_media_type(request)?;
    Ok(Some(body))
}

/// Reads a body of any media type.
async fn read(request: &HttpRequest, payload: Payload) -> Result<Body, ApiError> {
    let workspace = authenticated(request)?.workspace;
    let state = State::of(request)?;
    // A chunked body has no length: `read_to_end` enforces its limits.
    let content_length = content_length(request.headers()).unwrap_or_default();
    if content_length > state.limits.body_bytes as u64 {
        return Err(ApiError::PayloadTooLarge);
    }
    let permit = if content_length >= LARGE_BODY_BYTES as u64 {
        Some(acquire_permit(state, workspace).await?)
    } else {
        None
    };
    let body = Body {
        // Allocating `Content-Length` bytes is safe: it is within the limit, and a large body has a
        // permit.
        bytes: Vec::with_capacity(
            LARGE_BODY_BYTES
                .min(state.limits.body_bytes)
                .max(content_length as usize),
        ),
        permit,
    };
    let rate = MinRate::new(&state.limits, content_length);
    body.read_to_end(payload, state, workspace, rate).await
}

/// Waits for a permit, up to a timeout, so that a burst of large bodies queues instead of failing.
async fn acquire_permit(state: &State, workspace: WorkspaceId) -> Result<Permit, ApiError> {
    let timeout = Duration::from_millis(state.limits.large_body_wait_ms);
    state.large_bodies.acquire_timeout(workspace, timeout).await
}

/// Slack that the minimum rate adds to every deadline.
const RATE_SLACK: Duration = Duration::from_secs(2);

/// Minimum rate and timeout of a body.
struct MinRate {
    bytes_per_second: f64,
    /// Timeout for the whole body.
    timeout: Duration,
}

impl MinRate {
    /// Creates the rate that completes a body of `content_length` bytes before the timeout, so that
    /// a slow client cannot hold a permit for longer. At least the configured rate.
    fn new(limits: &Limits, content_length: u64) -> Self {
        let timeout = limits.body_deadline();
        let configured = limits.body_bytes_per_second as f64;
        Self {
            bytes_per_second: configured.max(content_length as f64 / timeout.as_secs_f64()),
            timeout,
        }
    }

    /// Returns the deadline of the next byte after `received` bytes, relative to the start.
    fn next_deadline(&self, received: usize) -> Duration {
        let elapsed_at_min_rate = Duration::from_secs_f64(received as f64 / self.bytes_per_second);
        self.timeout.min(RATE_SLACK + elapsed_at_min_rate)
    }
}

impl Body {
    /// Reads the rest of the body.
    async fn read_to_end(
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
                    "is incomplete: it ended before all of it had arrived",
                )
                .into(),
            })?;
            let new_length = self.bytes.len() + chunk.len();
            if new_length > state.limits.body_bytes {
                return Err(ApiError::PayloadTooLarge);
            }
            if new_length >= LARGE_BODY_BYTES && self.permit.is_none() {
                // Backpressure stops the client during the wait, so the wait does not count.
                let wait_started = Instant::now();
                self.permit = Some(acquire_permit(state, workspace).await?);
                started += wait_started.elapsed();
            }
            self.bytes.extend_from_slice(&chunk);
        }
    }
}

/// Applies `parse` to a body, and returns the body with the result. Moves a large body to a
/// blocking thread, so that parsing does not block the event loop of the worker.
pub(crate) async fn run_blocking_if_large<T: Send + 'static>(
    body: Vec<u8>,
    parse: impl FnOnce(&[u8]) -> T + Send + 'static,
) -> Result<(T, Vec<u8>), ApiError> {
    if body.len() < LARGE_BODY_BYTES {
        return Ok((parse(&body), body));
    }
    let parsed = web::block(move || (parse(&body), body)).await;
    parsed.map_err(|_| ApiError::Internal("parsing the body panicked".into()))
}

/// JSON Merge Patch (RFC 7396): a PATCH treats a JSON body in the same way.
const MERGE_PATCH: &str = "application/merge-patch+json";

/// Checks that there is exactly one content type, which is JSON, and no compression. A PATCH also
/// accepts a merge patch. Ignores parameters such as `charset`.
///
/// # Errors
/// `UnsupportedMediaType`, or `UnsupportedPatchType` for a PATCH.
fn check_media_type(request: &HttpRequest) -> Result<(), ApiError> {
    let is_patch = request.method() == Method::PATCH;
    let values = |name: HeaderName| {
        let values = request.headers().get_all(name);
        values.map(|value| value.to_str().unwrap_or_default())
    };
    let mut types = values(CONTENT_TYPE).map(|value| value.split(';').next().unwrap_or_default());
    let equals = |value: &str, expected: &str| value.trim().eq_ignore_ascii_case(expected);
    let is_json = types.next().is_some_and(|value| {
        equals(value, "application/json") || (is_patch && equals(value, MERGE_PATCH))
    });
    let is_only_type = types.next().is_none();
    let is_uncompressed = values(CONTENT_ENCODING).all(|value| equals(value, "identity"));
    if is_json && is_only_type && is_uncompressed {
        Ok(())
    } else if is_patch {
        Err(ApiError::UnsupportedPatchType)
    } else {
        Err(ApiError::UnsupportedMediaType)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::none(&[], false)]
    #[case::small(&[("Content-Length", "65535")], false)]
    #[case::large(&[("Content-Length", "65536")], true)]
    #[case::overflow(&[("Content-Length", "99999999999999999999")], true)]
    #[case::not_a_number(&[("Content-Length", "x")], true)]
    #[case::chunked(&[("Transfer-Encoding", "chunked")], true)]
    fn undeclared_and_invalid_lengths_count_as_large(
        #[case] headers: &[(&str, &str)],
        #[case] expected: bool,
    ) {
        let mut request = TestRequest::default();
        for header in headers {
            request = request.insert_header(*header);
        }
        assert_eq!(may_be_large(request.to_http_request().headers()), expected);
    }
}
