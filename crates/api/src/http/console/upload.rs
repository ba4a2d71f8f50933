//! Forms with a file, as the pages of the console send them.

use actix_multipart::Multipart;
use actix_web::HttpRequest;
use actix_web::dev::Payload;
use devices_domain::{ErrorCode, FieldError, Reason};
use futures_util::StreamExt;

use crate::http::extract::multipart::{file_name, malformed, read_form, read_part};
use crate::http::limits::concurrency::Permit;
use crate::http::respond::api_error::ApiError;
use crate::http::state::State;

/// Name of the part with the file.
const FILE: &str = "file";

/// Maximum number of parts: some for each column of a sheet.
const MAX_PARTS: usize = 1_000;

/// Maximum size of all texts and their names.
const MAX_TEXT_BYTES: usize = 4 * 1024 * 1024;

/// Maximum size of the heads of all parts, and of their boundaries.
const MAX_FRAMING_BYTES: usize = 512 * 1024;

/// Parts of a form.
#[derive(Default)]
pub(super) struct Form {
    pub(super) file: Option<Vec<u8>>,
    pub(super) file_name: Option<String>,
    pub(super) parts: Vec<(String, String)>,
}

/// Reads a form. Waits for a permit for importing its file.
pub(super) async fn read(
    request: &HttpRequest,
    payload: Payload,
) -> Result<(Form, Permit), ApiError> {
    let max_file_bytes = State::of(request)?.limits.max_import_bytes;
    let max_bytes = max_file_bytes + MAX_TEXT_BYTES + MAX_FRAMING_BYTES;
    let read = async |multipart, _| read_parts(multipart, max_file_bytes).await;
    read_form(request, payload, max_bytes, read).await
}

async fn read_parts(mut multipart: Multipart, max_file_bytes: usize) -> Result<Form, ApiError> {
    let mut form = Form::default();
    let (mut text_bytes, mut parts) = (0_usize, 0_usize);
    while let Some(part) = multipart.next().await {
        let mut part = part.map_err(malformed)?;
        parts += 1;
        if parts > MAX_PARTS {
            let detail = "must have at most 1,000 parts";
            let error = FieldError::whole(ErrorCode::InvalidBody, Reason::TooManyItems, detail);
            return Err(error.into());
        }
        let name = part.name().unwrap_or_default().to_owned();
        if name == FILE && form.file.is_none() {
            let file_name = file_name(&part);
            let content = read_part(&mut part, Vec::new(), max_file_bytes).await?;
            // Browsers send an empty part for a form without a chosen file.
            if !content.is_empty() || file_name.as_deref().is_some_and(|name| !name.is_empty()) {
                (form.file, form.file_name) = (Some(content), file_name);
            }
            continue;
        }
        text_bytes += name.len();
        let available = MAX_TEXT_BYTES.checked_sub(text_bytes);
        let available = available.ok_or(ApiError::PayloadTooLarge)?;
        let text = read_part(&mut part, Vec::new(), available).await?;
        text_bytes += text.len();
        form.parts
            .push((name, String::from_utf8_lossy(&text).into_owned()));
    }
    Ok(form)
}
