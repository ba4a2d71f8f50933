//! Reads request bodies chunk by chunk. Enforces a maximum size and a minimum rate.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap};
use actix_web::web::Bytes;
use devices_domain::{ErrorCode, FieldError, Reason, WorkspaceId};
use futures_util::StreamExt;
use tokio::time::Instant;

use crate::http::limits::concurrency::{Permit, WorkspaceLimiter};
use crate::http::request_context::RequestContext;
use crate::http::respond::api_error::ApiError;
use crate::http::state::State;
use crate::settings::Limits;

/// Minimum size in bytes of a large body. Reading one requires a permit, and parsing it moves to a
/// blocking thread.
pub(super) const LARGE_BODY_BYTES: usize = 64 * 1024;

/// Slack that the minimum rate adds to every deadline.
const RATE_SLACK: Duration = Duration::from_secs(2);

/// Limits of a body.
pub(super) struct BodyLimits {
    /// Maximum size.
    pub(super) max_bytes: usize,
    /// Time in which the whole body must arrive.
    pub(super) timeout: Duration,
    /// Limits the large bodies that arrive at once.
    pub(super) limiter: Arc<WorkspaceLimiter>,
    /// Reason of the error of a body that ends too early.
    pub(super) truncated: Reason,
}

/// A body that is being read.
pub(super) struct BodyReader {
    payload: Payload,
    /// Workspace of the client. `None` if it is not authenticated.
    workspace: Option<WorkspaceId>,
    limits: BodyLimits,
    /// Maximum time that a large body waits for its permit.
    permit_timeout: Duration,
    rate: MinRate,
    started: Instant,
    content_length: usize,
    received: usize,
    permit: Option<Permit>,
}

/// Returns the declared length of a body. `None` if it is invalid or not declared.
pub(super) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

impl BodyReader {
    /// Prepares to read a body. One that is declared as large waits for its permit.
    ///
    /// # Errors
    /// `PayloadTooLarge` if its declared length exceeds the maximum. `Busy` if it is large and no
    /// permit becomes available in time. `Unauthorized` if it is large and the client is not
    /// authenticated.
    pub(super) async fn start(
        request: &HttpRequest,
        payload: Payload,
        limits: BodyLimits,
    ) -> Result<Self, ApiError> {
        let actor = RequestContext::of(request).actor();
        let settings = &State::of(request)?.limits;
        // A chunked body has no length: `next_chunk` enforces its limits.
        let content_length = content_length(request.headers()).unwrap_or_default();
        if content_length > limits.max_bytes as u64 {
            return Err(ApiError::PayloadTooLarge);
        }
        let rate = MinRate::new(settings, limits.timeout, content_length);
        let mut reader = Self {
            payload,
            workspace: actor.map(|actor| actor.workspace),
            limits,
            permit_timeout: Duration::from_millis(settings.large_body_wait_ms),
            rate,
            started: Instant::now(),
            content_length: content_length as usize,
            received: 0,
            permit: None,
        };
        if reader.content_length >= LARGE_BODY_BYTES {
            reader.acquire_permit().await?;
        }
        Ok(reader)
    }

    /// Returns the declared length, 0 if there is none.
    pub(super) fn content_length(&self) -> usize {
        self.content_length
    }

    /// Returns the next chunk, or `None` at the end.
    ///
    /// # Errors
    /// `PayloadTooLarge` if the body exceeds the maximum size, `RequestTimeout` if it arrives too
    /// slowly, `Busy` if it is large and no permit becomes available in time, `Rejected` if it ends
    /// before it is complete.
    pub(super) async fn next_chunk(&mut self) -> Result<Option<Bytes>, ApiError> {
        let deadline = self.started + self.rate.next_deadline(self.received);
        let next = tokio::time::timeout_at(deadline, self.payload.next()).await;
        let Some(chunk) = next.map_err(|_| ApiError::RequestTimeout)? else {
            return Ok(None);
        };
        let chunk = chunk.map_err(|error| match error {
            PayloadError::Overflow => ApiError::PayloadTooLarge,
            _ => self.incomplete().into(),
        })?;
        self.received += chunk.len();
        if self.received > self.limits.max_bytes {
            return Err(ApiError::PayloadTooLarge);
        }
        if self.received >= LARGE_BODY_BYTES && self.permit.is_none() {
            self.acquire_permit().await?;
        }
        Ok(Some(chunk))
    }

    /// Waits for a permit, up to a timeout, so that a burst of large bodies queues instead of
    /// failing. Backpressure stops the client during the wait, so the wait does not count.
    async fn acquire_permit(&mut self) -> Result<(), ApiError> {
        let workspace = self.workspace.ok_or(ApiError::Unauthorized)?;
        let wait_started = Instant::now();
        let limiter = &self.limits.limiter;
        let permit = limiter.acquire_timeout(workspace, self.permit_timeout);
        self.permit = Some(permit.await?);
        self.started += wait_started.elapsed();
        Ok(())
    }

    /// Returns the error of a body that ended too early.
    fn incomplete(&self) -> FieldError {
        FieldError::whole(
            ErrorCode::InvalidBody,
            self.limits.truncated,
            "is incomplete: it ended before all of it had arrived",
        )
    }

    /// Returns the permit of a body that was read. `None` if it is not large.
    pub(super) fn into_permit(self) -> Option<Permit> {
        self.permit
    }
}

/// Minimum rate and timeout of a body.
struct MinRate {
    bytes_per_second: f64,
    /// Timeout for the whole body.
    timeout: Duration,
}

impl MinRate {
    /// Creates the rate that completes a body of `content_length` bytes before the timeout, so that
    /// a slow client cannot hold a permit for longer. At least the configured rate.
    fn new(limits: &Limits, timeout: Duration, content_length: u64) -> Self {
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
