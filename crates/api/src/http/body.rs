//! Bodies: JSON by their content type, within their limit, in time.

use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use actix_web::web::Payload;
use devices_domain::{ErrorCode, FieldError, Reason};
use futures_util::StreamExt;

use super::problem::Problem;
use crate::settings::Limits;

/// Room that is made before anything has arrived; a client's word for its length is not enough
/// for more.
const FIRST_ROOM: usize = 64 * 1024;

/// The whole body, if it calls itself JSON, is no longer than it may be and arrives in time.
pub(super) async fn read(
    request: &HttpRequest,
    payload: Payload,
    limits: &Limits,
) -> Result<Vec<u8>, Problem> {
    if !is_plain_json(request) {
        return Err(Problem::UnsupportedMediaType);
    }
    let length = request.headers().get(CONTENT_LENGTH);
    let announced = length.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limits.body_bytes as u64) {
        return Err(Problem::PayloadTooLarge);
    }
    tokio::time::timeout(limits.body_deadline(), collect(payload, limits.body_bytes))
        .await
        .unwrap_or(Err(Problem::RequestTimeout))
}

async fn collect(mut payload: Payload, limit: usize) -> Result<Vec<u8>, Problem> {
    let mut body = Vec::with_capacity(FIRST_ROOM.min(limit));
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| match error {
            PayloadError::Overflow => Problem::PayloadTooLarge,
            _ => FieldError::whole(
                ErrorCode::InvalidBody,
                Reason::NotJson,
                "is not JSON: it ended before it was complete",
            )
            .into(),
        })?;
        if body.len() + chunk.len() > limit {
            return Err(Problem::PayloadTooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
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
