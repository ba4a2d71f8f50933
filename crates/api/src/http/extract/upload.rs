//! Uploads: bodies of `multipart/form-data` (RFC 7578) with a file and its options.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest};
use devices_domain::{ErrorCode, ErrorReport, FieldError, Reason, nearest_name};
use futures_util::future::{FutureExt, LocalBoxFuture};
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::Mutex;

use crate::http::extract::auth::authenticated;
use crate::http::extract::body::has_media_type;
use crate::http::extract::body_reader::{BodyLimits, BodyReader};
use crate::http::limits::concurrency::Permit;
use crate::http::respond::api_error::ApiError;
use crate::http::state::State;

/// Name of the part with the file.
const FILE: &str = "file";

/// Maximum number of parts. A part takes a few bytes of a body, and its error much more memory.
const MAX_PARTS: usize = 20;

/// Name of the part with the options.
const OPTIONS: &str = "options";

/// Maximum size of the options.
const MAX_OPTIONS_BYTES: usize = 256 * 1024;

/// Maximum size of the heads of all parts, and of their boundaries.
const MAX_FRAMING_BYTES: usize = 64 * 1024;

/// A file and its options. The parts may be in any order.
///
/// The extractor fails with
/// - `UnsupportedFormType` if the body is not declared as an uncompressed form,
/// - `PayloadTooLarge` if the file or the options exceed their maximum size,
/// - `RequestTimeout` if the body arrives too slowly,
/// - `Busy` if no permit becomes available in time,
/// - `Rejected` if it is malformed, or has no file, unknown or repeated parts.
pub(crate) struct Upload {
    pub(crate) file: Vec<u8>,
    /// Name that the client gave the file. It may contain any character.
    pub(crate) file_name: Option<String>,
    /// JSON, or nothing.
    pub(crate) options: Vec<u8>,
    /// Permit for parsing and storing the file.
    pub(crate) permit: Permit,
}

impl FromRequest for Upload {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        async move {
            let is_form = |essence: &str| essence.eq_ignore_ascii_case("multipart/form-data");
            if !has_media_type(request.headers(), is_form) {
                return Err(ApiError::UnsupportedFormType);
            }
            read(&request, payload).await
        }
        .boxed_local()
    }
}

async fn read(request: &HttpRequest, payload: Payload) -> Result<Upload, ApiError> {
    let state = State::of(request)?;
    let max_file_bytes = state.limits.max_import_bytes;
    let limits = BodyLimits {
        max_bytes: max_file_bytes + MAX_OPTIONS_BYTES + MAX_FRAMING_BYTES,
        timeout: state.limits.import_deadline(),
        limiter: Arc::clone(&state.uploads),
        truncated: Reason::Malformed,
    };
    let reader = BodyReader::start(request, payload, limits).await?;
    let mut parts = Parts {
        max_file_bytes,
        // At most the declared length, for which the reader has a permit.
        file_capacity: reader.content_length().min(max_file_bytes),
        ..Parts::default()
    };
    let body = Rc::new(Mutex::new(SharedBody {
        reader,
        failure: None,
    }));
    let multipart = Multipart::new(request.headers(), chunks(Rc::clone(&body)));
    let result = parts.read(multipart).await;
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
    result?;
    // Ignores the epilogue (RFC 2046, 5.1.1).
    while reader.next_chunk().await?.is_some() {}
    let form = parts.finish()?;
    // Held until the import may start, so that the large files that wait are bounded, too.
    let arrived = reader.into_permit();
    let wait = Duration::from_millis(state.limits.large_body_wait_ms);
    let workspace = authenticated(request)?.workspace;
    let permit = state.imports.acquire_timeout(workspace, wait).await?;
    drop(arrived);
    Ok(Upload {
        file: form.file,
        file_name: form.file_name,
        options: form.options,
        permit,
    })
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

/// A complete form.
struct Form {
    file: Vec<u8>,
    file_name: Option<String>,
    options: Vec<u8>,
}

/// Parts of a form that were read.
#[derive(Default)]
struct Parts {
    max_file_bytes: usize,
    file_capacity: usize,
    file: Option<Vec<u8>>,
    file_name: Option<String>,
    options: Option<Vec<u8>>,
    errors: Vec<FieldError>,
}

impl Parts {
    /// Reads all parts. Records errors of parts, and skips these.
    async fn read(&mut self, mut form: Multipart) -> Result<(), ApiError> {
        let mut count = 0;
        while let Some(part) = form.next().await {
            let mut part = part.map_err(malformed)?;
            count += 1;
            if count > MAX_PARTS {
                return Err(too_many_parts().into());
            }
            let name = part.name().unwrap_or_default().to_owned();
            match name.as_str() {
                FILE if self.file.is_none() => {
                    self.file_name = file_name(&part);
                    let bytes = Vec::with_capacity(self.file_capacity);
                    self.file = Some(read_part(&mut part, bytes, self.max_file_bytes).await?);
                }
                OPTIONS if self.options.is_none() => {
                    let bytes = read_part(&mut part, Vec::new(), MAX_OPTIONS_BYTES).await?;
                    self.options = Some(bytes);
                }
                name => {
                    self.errors.push(unexpected(name));
                    while part.next().await.transpose().map_err(malformed)?.is_some() {}
                }
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Form, ApiError> {
        if self.file.is_none() {
            let detail = "is required: send the file as the part `file` of the form";
            self.errors.push(body_error(FILE, Reason::Required, detail));
        }
        match self.file {
            Some(file) if self.errors.is_empty() => Ok(Form {
                file,
                file_name: self.file_name,
                options: self.options.unwrap_or_default(),
            }),
            _ => Err(ErrorReport::from_errors(self.errors).into()),
        }
    }
}

async fn read_part(
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
fn file_name(part: &Field) -> Option<String> {
    let disposition = part.content_disposition()?;
    if let Some(name) = disposition.get_filename_ext() {
        return String::from_utf8(name.value.clone()).ok();
    }
    disposition.get_filename().map(str::to_owned)
}

/// Returns the error of a part that is repeated or unknown.
fn unexpected(name: &str) -> FieldError {
    if [FILE, OPTIONS].contains(&name) {
        return body_error(name, Reason::RepeatedField, "is given twice");
    }
    let nearest = nearest_name(name, &[FILE, OPTIONS]);
    let mut error = FieldError::unknown_name("part", name, ErrorCode::InvalidBody, nearest);
    if nearest.is_none() {
        error.detail = format!("{}, the form has `file` and `options`", error.detail).into();
    }
    error
}

/// Returns the error of a form with more parts than are read.
fn too_many_parts() -> FieldError {
    FieldError::whole(
        ErrorCode::InvalidBody,
        Reason::Malformed,
        "has too many parts: send the parts `file` and `options`",
    )
}

fn body_error(name: &str, reason: Reason, detail: &'static str) -> FieldError {
    FieldError::new(name.to_owned(), ErrorCode::InvalidBody, reason, detail)
}

/// Returns the error of a body that is not a valid form. An error of the reader takes its place.
fn malformed(error: MultipartError) -> FieldError {
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
