//! Uploads: bodies of `multipart/form-data` (RFC 7578) with a file and its options.

use actix_multipart::Multipart;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use devices_domain::{ErrorCode, ErrorReport, FieldError, Reason, nearest_name};
use futures_util::StreamExt;
use futures_util::future::{FutureExt, LocalBoxFuture};

use crate::http::extract::multipart::{file_name, malformed, read_form, read_part};
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
        async move { read(&request, payload).await }.boxed_local()
    }
}

async fn read(request: &HttpRequest, payload: Payload) -> Result<Upload, ApiError> {
    let max_file_bytes = State::of(request)?.limits.max_import_bytes;
    let max_bytes = max_file_bytes + MAX_OPTIONS_BYTES + MAX_FRAMING_BYTES;
    let read = async |multipart, content_length: usize| {
        let mut parts = Parts {
            max_file_bytes,
            // At most the declared length, for which the reader has a permit.
            file_capacity: content_length.min(max_file_bytes),
            ..Parts::default()
        };
        parts.read(multipart).await?;
        parts.finish()
    };
    let (form, permit) = read_form(request, payload, max_bytes, read).await?;
    Ok(Upload {
        file: form.file,
        file_name: form.file_name,
        options: form.options,
        permit,
    })
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
