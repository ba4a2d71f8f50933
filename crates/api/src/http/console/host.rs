//! Services of this server that the console uses.

use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use async_trait::async_trait;
use chrono::{TimeDelta, Utc};
use devices_domain::{Actor, Interface, NewSession, Origin, Session, WorkspaceId};
use devices_import::ImportLimits;
use devices_web::{ConsoleError, Host, NewKeySecret, Permit, SignedIn, Upload};

use super::errors::console_error;
use super::upload;
use crate::http::authentication::{
    admit, confirm, defer_admission, failure, find_key, lookup_slot, must_admit_first,
};
use crate::http::extract::body::{self, Body, has_media_type};
use crate::http::request_context::RequestContext;
use crate::http::respond::api_error::ApiError;
use crate::http::state::State;
use crate::secret::{KeySecret, SessionToken};

/// Time for which a session lasts, unless its key ends earlier.
const SESSION_LIFETIME: TimeDelta = TimeDelta::hours(12);

/// Maximum size of the form of a client without a session.
const MAX_SIGN_IN_BYTES: usize = 8 * 1024;

/// Maximum number of tokens of a request that are looked up.
const MAX_TOKENS: usize = 4;

/// Parses the tokens of a request. A malformed one is no attempt to guess a session: it may be the
/// cookie of another application.
fn parse<'t>(tokens: &'t [&str]) -> impl Iterator<Item = SessionToken> + 't {
    let tokens = tokens.iter().filter_map(|token| SessionToken::parse(token));
    tokens.take(MAX_TOKENS)
}

/// The server, as the console sees it.
pub(super) struct ConsoleHost {
    state: web::Data<State>,
}

impl ConsoleHost {
    pub(super) fn new(state: web::Data<State>) -> Self {
        Self { state }
    }

    /// Begins a session with the key of this secret.
    async fn begin_session(
        &self,
        request: &HttpRequest,
        secret: &str,
    ) -> Result<devices_web::NewSession, ApiError> {
        let state = &self.state;
        let secret = KeySecret::parse(secret).ok_or_else(|| failure(request, state))?;
        let (workspace, key_hash) = (secret.workspace(), secret.sha256());
        let _slot = lookup_slot(request, state, key_hash)?;
        let limiter = &state.request_rate_limiter;
        limiter.reject_exhausted(request, key_hash)?;
        let actor = find_key(request, state, workspace, key_hash).await?;
        admit(request, state, actor, key_hash).await?;
        let token = SessionToken::generate(workspace);
        let session = NewSession {
            workspace,
            secret_sha256: key_hash,
            token_sha256: token.sha256(),
            expires_at: Utc::now() + SESSION_LIFETIME,
        };
        let created = state.sessions.create(session).await?;
        let session = created.ok_or_else(|| failure(request, state))?;
        Ok(devices_web::NewSession {
            token: token.expose().to_owned(),
            expires_at: session.expires_at,
        })
    }

    /// Finds the only session with one of these tokens, and begins the admission of the request.
    async fn authenticate(
        &self,
        request: &HttpRequest,
        tokens: &[&str],
    ) -> Result<SignedIn, ApiError> {
        let state = &self.state;
        let mut sessions = Vec::new();
        for token in parse(tokens) {
            let _slot = lookup_slot(request, state, token.sha256())?;
            sessions.extend(self.find(&token).await?);
        }
        let sessions = <[Session; 1]>::try_from(sessions);
        // Not counted as a failed authentication: sessions end regularly, and must lead to the
        // sign-in from a shared address, too. A token has too many bits to be guessed.
        let [session] = sessions.map_err(|_| ApiError::Unauthorized)?;
        let (actor, key_hash) = (session.actor, session.secret_sha256);
        let limiter = &state.request_rate_limiter;
        limiter.reject_exhausted(request, key_hash)?;
        let admission = if must_admit_first(request) {
            admit(request, state, actor, key_hash).await?
        } else {
            defer_admission(request, state, actor, key_hash)
        };
        Ok(SignedIn {
            admission,
            store: Arc::clone(&state.store),
            workspace_name: session.workspace_name,
            key_name: session.key_name,
            origin: Origin {
                interface: Interface::Console,
                ..RequestContext::of(request).origin(actor)
            },
        })
    }

    async fn find(&self, token: &SessionToken) -> Result<Option<Session>, ApiError> {
        let state = &self.state;
        let permit = state.try_acquire_key_lookup()?;
        let found = state.sessions.find(token.workspace(), token.sha256()).await;
        let session = found?;
        drop(permit);
        let throttle = &state.auth_throttle;
        if session.is_some() {
            throttle.record_valid(token.sha256());
        } else {
            throttle.record_invalid(token.sha256());
        }
        Ok(session)
    }

    /// Returns the actor of a request that has a session.
    fn actor(request: &HttpRequest) -> Option<Actor> {
        RequestContext::of(request).actor()
    }
}

#[async_trait(?Send)]
impl Host for ConsoleHost {
    async fn sign_in(
        &self,
        request: &HttpRequest,
        secret: &str,
    ) -> Result<devices_web::NewSession, ConsoleError> {
        let session = self.begin_session(request, secret).await;
        session.map_err(|error| match error {
            ApiError::Unauthorized => ConsoleError::WrongKey,
            error => console_error(error),
        })
    }

    async fn find_session(
        &self,
        request: &HttpRequest,
        tokens: &[&str],
    ) -> Result<Option<SignedIn>, ConsoleError> {
        match self.authenticate(request, tokens).await {
            Ok(signed_in) => Ok(Some(signed_in)),
            Err(ApiError::Unauthorized) => Ok(None),
            Err(error) => Err(console_error(error)),
        }
    }

    async fn confirm(
        &self,
        request: &HttpRequest,
        signed_in: &SignedIn,
        status: StatusCode,
    ) -> Result<(), ConsoleError> {
        let confirmed = confirm(request, &self.state, &signed_in.admission, status);
        confirmed.await.map_err(console_error)
    }

    async fn sign_out(&self, tokens: &[&str]) -> Result<(), ConsoleError> {
        for token in parse(tokens) {
            let _permit = self.state.try_acquire_key_lookup().map_err(console_error)?;
            self.state.auth_throttle.record_invalid(token.sha256());
            let sessions = &self.state.sessions;
            sessions.delete(token.workspace(), token.sha256()).await?;
        }
        Ok(())
    }

    async fn read_form(
        &self,
        request: &HttpRequest,
        payload: Payload,
    ) -> Result<(Vec<u8>, Option<Permit>), ConsoleError> {
        let is_form =
            |essence: &str| essence.eq_ignore_ascii_case("application/x-www-form-urlencoded");
        if !has_media_type(request.headers(), is_form) {
            return Err(ConsoleError::MalformedForm("the content type is no form"));
        }
        let max_bytes = match Self::actor(request) {
            Some(_) => self.state.limits.body_bytes,
            None => MAX_SIGN_IN_BYTES,
        };
        let body = body::read(request, payload, max_bytes).await;
        let Body { bytes, permit } = body.map_err(console_error)?;
        Ok((bytes, permit.map(|permit| Box::new(permit) as Permit)))
    }

    async fn read_upload(
        &self,
        request: &HttpRequest,
        payload: Payload,
    ) -> Result<Upload, ConsoleError> {
        let (form, permit) = upload::read(request, payload)
            .await
            .map_err(console_error)?;
        Ok(Upload {
            file: form.file,
            file_name: form.file_name,
            parts: form.parts,
            permit: Box::new(permit),
        })
    }

    fn new_key_secret(&self, workspace: WorkspaceId) -> NewKeySecret {
        let secret = KeySecret::generate(workspace);
        NewKeySecret {
            text: secret.expose().to_owned(),
            stored: secret.to_stored(),
        }
    }

    fn acquire_request(&self, workspace: WorkspaceId) -> Result<Permit, ConsoleError> {
        let permit = self.state.in_flight.try_acquire(workspace);
        Ok(Box::new(permit.map_err(console_error)?))
    }

    fn acquire_export(&self, workspace: WorkspaceId) -> Result<Permit, ConsoleError> {
        let permit = self.state.exports.try_acquire(workspace);
        Ok(Box::new(permit.map_err(console_error)?))
    }

    fn import_limits(&self) -> ImportLimits {
        ImportLimits {
            max_rows: self.state.limits.max_import_rows,
            ..ImportLimits::default()
        }
    }

    fn max_import_bytes(&self) -> usize {
        self.state.limits.max_import_bytes
    }
}
