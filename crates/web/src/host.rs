//! Services of the server that mounts the console.

use std::any::Any;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use devices_domain::{NewSecret, WorkspaceId};
use devices_import::ImportLimits;

use crate::error::ConsoleError;
use crate::session::SignedIn;

/// Services of the server that mounts the console.
#[async_trait(?Send)]
pub trait Host: Send + Sync {
    /// Begins a session with an API key. Counts a wrong key against the address of the client.
    ///
    /// # Errors
    /// [`ConsoleError::WrongKey`], or [`ConsoleError::RateLimited`] after too many of them.
    async fn sign_in(
        &self,
        request: &HttpRequest,
        secret: &str,
    ) -> Result<NewSession, ConsoleError>;

    /// Returns the session with one of these tokens. `None` if it has ended, or its key is not
    /// active any more. Ignores malformed tokens.
    ///
    /// `None` also if several sessions are found: another host of the same domain can set a cookie
    /// that precedes the own one, with the session of an attacker.
    ///
    /// The rate limits of the key apply to the request. The store decides its admission together
    /// with its first work: [`confirm`](Self::confirm) checks the decision.
    ///
    /// # Errors
    /// [`ConsoleError::RateLimited`], or the error of the store.
    async fn find_session(
        &self,
        request: &HttpRequest,
        tokens: &[&str],
    ) -> Result<Option<SignedIn>, ConsoleError>;

    /// Confirms that a request was admitted, before its response with this status is sent.
    ///
    /// # Errors
    /// The error that takes the place of the response.
    async fn confirm(
        &self,
        request: &HttpRequest,
        signed_in: &SignedIn,
        status: StatusCode,
    ) -> Result<(), ConsoleError>;

    /// Ends the sessions with these tokens. Ignores malformed ones, and those of ended sessions.
    ///
    /// # Errors
    /// The error of the store.
    async fn sign_out(&self, tokens: &[&str]) -> Result<(), ConsoleError>;

    /// Reads the body of a form of type `application/x-www-form-urlencoded` under the limits of
    /// bodies. The permit is held until the form has been processed.
    ///
    /// # Errors
    /// [`ConsoleError::TooLarge`], [`ConsoleError::Timeout`], [`ConsoleError::Busy`], or
    /// [`ConsoleError::MalformedForm`].
    async fn read_form(
        &self,
        request: &HttpRequest,
        payload: Payload,
    ) -> Result<(Vec<u8>, Option<Permit>), ConsoleError>;

    /// Reads a form with a file (`multipart/form-data`) under the limits of uploads. Waits for a
    /// permit for importing it.
    ///
    /// # Errors
    /// The same as [`read_form`](Self::read_form).
    async fn read_upload(
        &self,
        request: &HttpRequest,
        payload: Payload,
    ) -> Result<Upload, ConsoleError>;

    /// Generates the secret of a new API key of a workspace.
    fn new_key_secret(&self, workspace: WorkspaceId) -> NewKeySecret;

    /// Takes a permit for a request in progress.
    ///
    /// # Errors
    /// [`ConsoleError::Busy`] if the server or the workspace has its maximum of them.
    fn acquire_request(&self, workspace: WorkspaceId) -> Result<Permit, ConsoleError>;

    /// Takes a permit for an export.
    ///
    /// # Errors
    /// [`ConsoleError::Busy`] if the server or the workspace has its maximum of them.
    fn acquire_export(&self, workspace: WorkspaceId) -> Result<Permit, ConsoleError>;

    /// Returns the limits of imported files.
    fn import_limits(&self) -> ImportLimits;

    /// Returns the maximum size of an imported file, in bytes.
    fn max_import_bytes(&self) -> usize;
}

/// Permit for work that the server limits. Released when it is dropped.
pub type Permit = Box<dyn Any + Send>;

/// A session that has begun.
pub struct NewSession {
    /// Secret of the session, for the cookie: ASCII letters, digits, `_`, `-` and `.`.
    pub token: String,
    /// Time at which the session ends.
    pub expires_at: DateTime<Utc>,
}

/// The secret of a new API key. Has no debug output, which could end in a log.
pub struct NewKeySecret {
    /// The secret, to be shown once.
    pub text: String,
    /// The part of it that is stored.
    pub stored: NewSecret,
}

/// A form with a file.
pub struct Upload {
    /// Content of the part `file`. `None` if the form has no such part.
    pub file: Option<Vec<u8>>,
    /// Name of the file on the client. It may contain any character.
    pub file_name: Option<String>,
    /// Names and texts of the other parts, in order.
    pub parts: Vec<(String, String)>,
    /// Permit for parsing and storing the file.
    pub permit: Permit,
}

/// The host, as application data of the console.
#[derive(Clone)]
pub struct Console(pub(crate) Arc<dyn Host>);

impl Console {
    /// Creates a console that uses these services.
    pub fn new(host: Arc<dyn Host>) -> Self {
        Self(host)
    }
}
