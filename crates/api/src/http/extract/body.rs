//! JSON request bodies.

use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, TRANSFER_ENCODING,
};
use actix_web::{FromRequest, HttpRequest, web};
use devices_domain::Reason;
use futures_util::future::{FutureExt, LocalBoxFuture};

use crate::http::extract::body_reader::{BodyLimits, BodyReader, LARGE_BODY_BYTES, content_length};
use crate::http::limits::concurrency::Permit;
use crate::http::respond::api_error::ApiError;
use crate::http::state::State;

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
            let max_bytes = State::of(&request)?.limits.body_bytes;
            read(&request, payload, max_bytes).await
        }
        .boxed_local()
    }
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
    let max_bytes = State::of(request)?.limits.body_bytes;
    let body = read(request, payload, max_bytes).await?;
    if body.bytes.is_empty() {
        return Ok(None);
    }
    check_media_type(request)?;
    Ok(Some(body))
}

/// Reads a body of any media type and at most this size.
pub(crate) async fn read(
    request: &HttpRequest,
    payload: Payload,
    max_bytes: usize,
) -> Result<Body, ApiError> {
    let state = State::of(request)?;
    let limits = BodyLimits {
        max_bytes,
        timeout: state.limits.body_deadline(),
        limiter: Arc::clone(&state.large_bodies),
        truncated: Reason::NotJson,
    };
    let mut reader = BodyReader::start(request, payload, limits).await?;
    // Allocating `Content-Length` bytes is safe: it is within the limit, and a large body has a
    // permit.
    let capacity = LARGE_BODY_BYTES.min(max_bytes).max(reader.content_length());
    let mut bytes = Vec::with_capacity(capacity);
    while let Some(chunk) = reader.next_chunk().await? {
        bytes.extend_from_slice(&chunk);
    }
    let permit = reader.into_permit();
    Ok(Body { bytes, permit })
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
/// accepts a merge patch.
///
/// # Errors
/// `UnsupportedMediaType`, or `UnsupportedPatchType` for a PATCH.
fn check_media_type(request: &HttpRequest) -> Result<(), ApiError> {
    let is_patch = request.method() == Method::PATCH;
    let accepted = |essence: &str| {
        essence.eq_ignore_ascii_case("application/json")
            || (is_patch && essence.eq_ignore_ascii_case(MERGE_PATCH))
    };
    if has_media_type(request.headers(), accepted) {
        Ok(())
    } else if is_patch {
        Err(ApiError::UnsupportedPatchType)
    } else {
        Err(ApiError::UnsupportedMediaType)
    }
}

/// Returns whether there is exactly one content type, which is accepted, and no compression.
/// Ignores parameters such as `charset`.
pub(crate) fn has_media_type(headers: &HeaderMap, is_accepted: impl Fn(&str) -> bool) -> bool {
    let values = |name: HeaderName| {
        let values = headers.get_all(name);
        values.map(|value| value.to_str().unwrap_or_default())
    };
    let mut types = values(CONTENT_TYPE).map(|value| value.split(';').next().unwrap_or_default());
    let is_first_accepted = types.next().is_some_and(|value| is_accepted(value.trim()));
    let is_only_type = types.next().is_none();
    let is_uncompressed =
        values(CONTENT_ENCODING).all(|value| value.trim().eq_ignore_ascii_case("identity"));
    is_first_accepted && is_only_type && is_uncompressed
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
