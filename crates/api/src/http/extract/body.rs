//! Bodies: JSON by their content type, within their limits, in time.

use std::time::Duration;

use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use actix_web::web::Payload;
use actix_web::{HttpRequest, web};
use devices_domain::{ErrorCode, FieldError, Reason, WorkspaceId};
use futures_util::StreamExt;
use tokio::time::Instant;

use crate::http::limits::concurrency::Permit;
use crate::http::respond::api_error::ApiError;
use crate::http::state::State;
use crate::settings::Limits;

/// From this size on, in bytes, a body is large: it is admitted before it is read, and judged where
/// other requests do not wait for it.
pub(crate) const LARGE: usize = 64 * 1024;

/// A body that was read.
pub(crate) struct Body {
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
    /// What a large one, and everything made of it, may be held in memory by.
    pub(crate) place: Option<Permit>,
}

/// The whole body, if it calls itself JSON, is no longer than it may be, arrives in time, and is
/// not one large body too many.
pub(crate) async fn read(
    request: &HttpRequest,
    payload: Payload,
    state: &State,
    workspace: WorkspaceId,
) -> Result<Body, ApiError> {
    if !is_plain_json(request) {
        return Err(ApiError::UnsupportedMediaType);
    }
    let length = request.headers().get(CONTENT_LENGTH);
    let announced = length.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let announced = announced.unwrap_or_default();
    if announced > state.limits.body_bytes as u64 {
        return Err(ApiError::PayloadTooLarge);
    }
    let place = match announced >= LARGE as u64 {
        true => Some(admit(state, workspace).await?),
        false => None,
    };
    let body = Body {
        // A client's word for its length is enough where it has a place; it is no longer than it may be.
        bytes: Vec::with_capacity(LARGE.min(state.limits.body_bytes).max(announced as usize)),
        place,
    };
    let pace = Pace::of(&state.limits, announced);
    body.fill(payload, state, workspace, pace).await
}

/// A place for a large body, waited for like a connection to the store: a burst of them is not refused.
async fn admit(state: &State, workspace: WorkspaceId) -> Result<Permit, ApiError> {
    let patience = Duration::from_millis(state.limits.large_body_wait_ms);
    state.large_bodies.wait(workspace, patience).await
}

/// For how long a client may send as slowly as it likes.
const GRACE: Duration = Duration::from_secs(2);

/// How fast a body must come.
struct Pace {
    bytes_per_second: f64,
    whole: Duration,
}

impl Pace {
    /// A body that announces its length must come as fast as it must to be there in time: a place
    /// among the large ones is held no longer by sending less.
    fn of(limits: &Limits, announced: u64) -> Self {
        let whole = limits.body_deadline();
        let slowest = limits.body_bytes_per_second as f64;
        Self {
            bytes_per_second: slowest.max(announced as f64 / whole.as_secs_f64()),
            whole,
        }
    }

    /// When more must have come than `received` bytes: the deadline of the whole body, or the moment
    /// from which on they were too few for the time.
    fn next_deadline(&self, received: usize) -> Duration {
        let earned = Duration::from_secs_f64(received as f64 / self.bytes_per_second);
        self.whole.min(GRACE + earned)
    }
}

impl Body {
    async fn fill(
        mut self,
        mut payload: Payload,
        state: &State,
        workspace: WorkspaceId,
        pace: Pace,
    ) -> Result<Self, ApiError> {
        let mut started = Instant::now();
        loop {
            let deadline = started + pace.next_deadline(self.bytes.len());
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
            if length >= LARGE && self.place.is_none() {
                // While it waits the client cannot send.
                let waits = Instant::now();
                self.place = Some(admit(state, workspace).await?);
                started += waits.elapsed();
            }
            self.bytes.extend_from_slice(&chunk);
        }
    }
}

/// Works on a body; on a large one where other requests do not wait for it.
pub(crate) async fn run_blocking_if_large<T: Send + 'static>(
    body: Vec<u8>,
    work: impl FnOnce(&[u8]) -> T + Send + 'static,
) -> Result<(T, Vec<u8>), ApiError> {
    if body.len() < LARGE {
        return Ok((work(&body), body));
    }
    let done = web::block(move || (work(&body), body)).await;
    done.map_err(|_| ApiError::Internal("a panic".into()))
}

/// One content type, and it is JSON; sent as it is, not compressed.
fn is_plain_json(request: &HttpRequest) -> bool {
    let values = |name: HeaderName| {
        let values = request.headers().get_all(name);
        values.map(|value| value.to_str().unwrap_or_default())
    };
    let mut types = values(CONTENT_TYPE).map(|value| value.split(';').next().unwrap_or_default());
    let is = |value: &str, wanted: &str| value.trim().eq_ignore_ascii_case(wanted);
    types.next().is_some_and(|one| is(one, "application/json"))
        && types.next().is_none()
        && values(CONTENT_ENCODING).all(|value| is(value, "identity"))
}
