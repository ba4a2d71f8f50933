//! The forms of an import.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use devices_import::{ImportLimits, OptionError};

use super::blocking;
use super::embedded_file::{EmbeddedFile, SentFile};
use super::options::{self, FormOptions};
use super::start::{StartPage, UploadPart};
use crate::error::ConsoleError;
use crate::host::{Host, Permit};
use crate::query::Pairs;
use crate::session::{SignedIn, WriteAccess, console};
use crate::texts::{self, EN};

/// A form of an import, with its file.
pub(super) struct ImportForm {
    pub(super) signed_in: SignedIn,
    /// `None` if no file was chosen, or the page was damaged.
    pub(super) file: Option<SentFile>,
    /// `true` if the form was too large to be read. It has no values then.
    pub(super) is_too_large: bool,
    pub(super) values: Arc<Pairs>,
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

    pub(super) fn max_mebibytes(self) -> usize {
        (self.max_bytes >> 20).max(1)
    }

    /// Returns the message about a file that is too large.
    pub(super) fn too_large(self) -> String {
        texts::fill(EN.import.too_large, &[("size", &self.max_mebibytes())])
    }
}

impl ImportForm {
    /// Returns whether the script of the console keeps the file, and sends it with every step.
    pub(super) fn browser_keeps_file(&self) -> bool {
        self.values.raw("keeps_file").is_some()
    }

    /// Takes the file, and prepares it for the next step.
    pub(super) async fn embed(&mut self) -> Result<EmbeddedFile, ConsoleError> {
        let keeps_file = self.browser_keeps_file();
        match self.file.take() {
            Some(file) => blocking(move || file.embed(keeps_file)).await,
            None => Ok(EmbeddedFile::default()),
        }
    }

    /// Reads the options.
    pub(super) async fn read_options(
        &self,
    ) -> Result<Result<FormOptions, OptionError>, ConsoleError> {
        let values = Arc::clone(&self.values);
        blocking(move || options::from_form(&values)).await
    }

    async fn read(request: HttpRequest, payload: Payload) -> Result<Self, ConsoleError> {
        let WriteAccess(signed_in) = WriteAccess::extract(&request).await?;
        let host = console(&request)?.clone();
        let limits = Limits::of(&*host.0);
        let upload = match host.0.read_upload(&request, payload).await {
            Ok(upload) => upload,
            Err(ConsoleError::TooLarge) => return Ok(Self::too_large(signed_in, limits)),
            Err(error) => return Err(error),
        };
        let values = Arc::new(Pairs(upload.parts));
        let chosen = upload.file.filter(|file| !file.is_empty());
        let file = match chosen {
            Some(bytes) => Some(SentFile::new(bytes, upload.file_name.as_deref())),
            None => read_file_in_page(Arc::clone(&values), limits.max_bytes).await?,
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
            values: Arc::default(),
            limits,
            _permit: Box::new(()),
        }
    }

    /// Responds with the first step, because the form has no file.
    pub(super) fn reject_without_file(&self) -> Result<HttpResponse, ConsoleError> {
        let message = if self.is_too_large {
            self.limits.too_large()
        } else {
            EN.import.no_file.to_owned()
        };
        StartPage::reject(&self.signed_in, self.limits, UploadPart::File, message)
    }
}

/// Reads the file that a page carries. `None` if it is absent or damaged.
async fn read_file_in_page(
    values: Arc<Pairs>,
    max_bytes: usize,
) -> Result<Option<SentFile>, ConsoleError> {
    let read = move || {
        let content = values.raw("content")?;
        SentFile::from_page(content, values.get("file_name"), max_bytes)
    };
    blocking(read).await
}

impl FromRequest for ImportForm {
    type Error = ConsoleError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ConsoleError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        Box::pin(Self::read(request.clone(), payload.take()))
    }
}
