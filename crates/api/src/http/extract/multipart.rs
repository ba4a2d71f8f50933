//! Bodies of `multipart/form-data` (RFC 7578), read part by part.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use devices_domain::{ErrorCode, FieldError, Reason};
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::Mutex;

use crate::http::extract::auth::authenticated;
use crate::http::extract::body::has_media_type;
use crate::http::extract::body_reader::{BodyLimits, BodyReader};
use crate::http::limits::concurrency::Permit;
use crate::http::respond::api_error::ApiError;
use crate::http::state::State;

/// Reads a form of at most `max_bytes` with `read`, under the limits of uploads. Waits for a permit
/// for importing its file.
///
/// `read` gets the form, and the declared length of the body, 0 if there is none.
///
/// # Errors
/// - `UnsupportedFormType` if the body is not declared as an uncompressed form,
/// - `PayloadTooLarge` if it exceeds the maximum size,
/// - `RequestTimeout` if it arrives too slowly,
/// - `Busy` if no permit becomes available in time,
/// - the errors of `read`.
pub(crate) async fn read_form<T>(
    request: &HttpRequest,
    payload: Payload,
    max_bytes: usize,
    read: impl AsyncFnOnce(Multipart, usize) -> Result<T, ApiError>,
) -> Result<(T, Permit), ApiError> {
    let is_form = |essence: &str| essence.eq_ignore_ascii_case("multipart/form-data");
    if !has_media_type(request.headers(), is_form) {
        return Err(ApiError::UnsupportedFormType);
    }
    let workspace = authenticated(request)?.workspace;
    let state = State::of(request)?;
    let limits = BodyLimits {
        max_bytes,
        timeout: state.limits.import_deadline(),
        limiter: Arc::clone(&state.uploads),
        truncated: Reason::Malformed,
    };
    let reader = BodyReader::start(request, payload, limits).await?;
    let content_length = reader.content_length();
    let body = Rc::new(Mutex::new(SharedBody {
        reader,
        failure: None,
    }));
    let multipart = Multipart::new(request.headers(), chunks(Rc::clone(&body)));
    let form = read(multipart, content_length).await;
    let body = Rc::into_inner(body).ok_or_else(|| {
        ApiError::Internal("the form is still being read after its last part".into())
    })?;
    let SharedBody {
        mut reader,
        failure,
    } = body.into_inner();
    if let Some(failure) = failure {
        return Err(failure);
    }
    let form = form?;
    // Ignores the epilogue (RFC 2046, 5.1.1).
    while reader.next_chunk().await?.is_some() {}
    // Held until the import may start, so that the large files that wait are bounded, too.
    let arrived = reader.into_permit();
    let wait = Duration::from_millis(state.limits.large_body_wait_ms);
    let permit = state.imports.acquire_timeout(workspace, wait).await?;
    drop(arrived);
    Ok((form, permit))
}

/// A body that the parser of the form reads. The parser's errors have no place for those of the
/// reader.
struct SharedBody {
    reader: BodyReader,
    failure: Option<ApiError>,
}

fn chunks(body: Rc<Mutex<SharedBody>>) -> impl Stream<Item = Result<Bytes, PayloadError>> {
    let chunks = stream::unfold(body, |body| async {
        let mut shared = body.lock().await;
        let chunk = match shared.reader.next_chunk().await {
            Ok(chunk) => chunk.map(Ok),
            Err(failure) => {
                shared.failure = Some(failure);
                Some(Err(PayloadError::Incomplete(None)))
            }
        };
        drop(shared);
        Some((chunk?, body))
    });
    // The parser polls the stream again after its end.
    chunks.fuse()
}

/// Appends the content of a part to `bytes`.
///
/// # Errors
/// `PayloadTooLarge` if there are then more than `max_bytes`.
pub(crate) async fn read_part(
    part: &mut Field,
    mut bytes: Vec<u8>,
    max_bytes: usize,
) -> Result<Vec<u8>, ApiError> {
    while let Some(chunk) = part.next().await {
        let chunk = chunk.map_err(malformed)?;
        if bytes.len() + chunk.len() > max_bytes {
            return Err(ApiError::PayloadTooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Returns the file name of a part: `filename*` (RFC 8187) if it has one, else `filename`.
pub(crate) fn file_name(part: &Field) -> Option<String> {
    let disposition = part.content_disposition()?;
    if let Some(name) = disposition.get_filename_ext() {
        return String::from_utf8(name.value.clone()).ok();
    }
    disposition.get_filename().map(str::to_owned)
}

/// Returns the error of a body that is not a valid form. An error of the reader takes its place.
pub(crate) fn malformed(error: MultipartError) -> FieldError {
    let detail = match error {
        MultipartError::BoundaryMissing => {
            "is not a form: a boundary is missing, in the header Content-Type or in the body"
        }
        MultipartError::Incomplete => "is incomplete: the last boundary is missing",
        MultipartError::ContentDispositionMissing
        | MultipartError::ContentDispositionNameMissing => {
            "is not a form: a part has no name in its header Content-Disposition, or that header \
             is not UTF-8"
        }
        MultipartError::Nested => "must not contain a form in a part",
        _ => "is not a form: the head of a part is malformed",
    };
    FieldError::whole(ErrorCode::InvalidBody, Reason::Malformed, detail)
}
