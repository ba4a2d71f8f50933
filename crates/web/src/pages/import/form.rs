//! The forms of an import.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use devices_import::ImportLimits;

use super::carried::{Carried, SentFile};
use super::start::{Fault, StartPage};
use crate::error::ConsoleError;
use crate::host::{Host, Permit};
use crate::query::Pairs;
use crate::session::{Editor, SignedIn, console};
use crate::texts::{self, EN};

/// A form of an import, with its file.
pub(super) struct ImportForm {
    pub(super) signed_in: SignedIn,
    /// `None` if no file was chosen, or the page was damaged.
    pub(super) file: Option<SentFile>,
    /// `true` if the form was too large to be read. It has no values then.
    pub(super) is_too_large: bool,
    pub(super) values: Pairs,
    pub(super) limits: Limits,
    /// Covers the file and everything that is made from it.
    _permit: Permit,
}

/// Limits of files.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) import: ImportLimits,
    pub(super) max_bytes: usize,
}

impl Limits {
    pub(super) fn of(host: &dyn Host) -> Self {
        Self {
            import: host.import_limits(),
            max_bytes: host.max_import_bytes(),
        }
    }
}

impl ImportForm {
    /// Returns whether the script of the console keeps the file, and sends it with every step.
    pub(super) fn browser_keeps_file(&self) -> bool {
        self.values.raw("keeps_file").is_some()
    }

    /// Prepares the file for the next step.
    pub(super) fn carry(&self) -> Carried {
        let keeps_file = self.browser_keeps_file();
        match &self.file {
            Some(file) => file.carry(keeps_file),
            None => Carried::default(),
        }
    }

    async fn read(request: HttpRequest, payload: Payload) -> Result<Self, ConsoleError> {
        let Editor(signed_in) = Editor::extract(&request).await?;
        let host = console(&request)?.clone();
        let limits = Limits::of(&*host.0);
        let upload = match host.0.read_upload(&request, payload).await {
            Ok(upload) => upload,
            Err(ConsoleError::TooLarge) => return Ok(Self::too_large(signed_in, limits)),
            Err(error) => return Err(error),
        };
        let values = Pairs(upload.parts);
        let chosen = upload.file.filter(|file| !file.is_empty());
        let file = match chosen {
            Some(bytes) => Some(SentFile::new(bytes, upload.file_name.as_deref())),
            None => values.raw("content").and_then(|content| {
                SentFile::from_page(content, values.get("file_name"), limits.max_bytes)
            }),
        };
        Ok(Self {
            signed_in,
            file,
            is_too_large: false,
            values,
            limits,
            _permit: upload.permit,
        })
    }

    fn too_large(signed_in: SignedIn, limits: Limits) -> Self {
        Self {
            signed_in,
            file: None,
            is_too_large: true,
            values: Pairs::default(),
            limits,
            _permit: Box::new(()),
        }
    }

    /// Responds with the first step, because the form has no file.
    pub(super) fn reject_without_file(&self) -> Result<HttpResponse, ConsoleError> {
        let size = (self.limits.max_bytes >> 20).max(1);
        let message = if self.is_too_large {
            texts::fill(EN.import.too_large, &[("size", &size)])
        } else {
            EN.import.no_file.to_owned()
        };
        StartPage::reject(&self.signed_in, self.limits, Fault::File, message)
    }
}

impl FromRequest for ImportForm {
    type Error = ConsoleError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ConsoleError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        Box::pin(Self::read(request.clone(), payload.take()))
    }
}
