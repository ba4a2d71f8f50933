//! The first step: the file is chosen.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::form::Limits;
use crate::error::ConsoleError;
use crate::frame::{Frame, Section};
use crate::respond;
use crate::session::{SignedIn, WriteAccess, console};
use crate::texts::{self, EN};

#[derive(Template)]
#[template(path = "import/start.html")]
pub(super) struct StartPage {
    frame: Frame,
    /// Accepted kinds and sizes of files.
    limits: String,
    max_bytes: usize,
    /// Message about a file of more bytes.
    too_large: String,
    file_error: Option<String>,
    mapping_error: Option<String>,
}

/// Part of the form with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UploadPart {
    File,
    Mapping,
}

impl StartPage {
    pub(super) fn new(signed_in: &SignedIn, limits: Limits) -> Self {
        let rows = texts::group_digits(limits.import.max_rows as u64);
        Self {
            frame: Frame::new(signed_in, Section::Import, EN.import.title),
            limits: texts::fill(
                EN.import.accepted,
                &[("rows", &rows), ("size", &limits.max_mebibytes())],
            ),
            max_bytes: limits.max_bytes,
            too_large: limits.too_large(),
            file_error: None,
            mapping_error: None,
        }
    }

    /// Responds with the error of a file or a saved mapping.
    pub(super) fn reject(
        signed_in: &SignedIn,
        limits: Limits,
        part: UploadPart,
        message: String,
    ) -> Result<HttpResponse, ConsoleError> {
        let mut page = Self::new(signed_in, limits);
        match part {
            UploadPart::File => page.file_error = Some(message),
            UploadPart::Mapping => page.mapping_error = Some(message),
        }
        respond::page(StatusCode::UNPROCESSABLE_ENTITY, &page)
    }
}

pub(super) async fn show(
    WriteAccess(signed_in): WriteAccess,
    request: HttpRequest,
) -> Result<HttpResponse, ConsoleError> {
    let limits = Limits::of(&*console(&request)?.0);
    respond::page(StatusCode::OK, &StartPage::new(&signed_in, limits))
}
