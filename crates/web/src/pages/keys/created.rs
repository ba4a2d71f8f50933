//! The secret of a new key, shown once.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use chrono::{DateTime, Utc};
use devices_domain::ApiKey;

use crate::error::ConsoleError;
use crate::frame::{Frame, Section};
use crate::respond::page;
use crate::session::SignedIn;
use crate::texts::EN;

/// A new key with its secret. Exists only as the response to a form: the server sends it with
/// `Cache-Control: no-store`, and no address shows it again.
#[derive(Template)]
#[template(path = "keys/created.html")]
struct CreatedKey {
    frame: Frame,
    key: ApiKey,
    secret: String,
    /// The key that this one replaces.
    replaced: Option<Replaced>,
}

/// A rotated key.
pub(super) struct Replaced {
    pub(super) key: ApiKey,
    /// The key is that of the session, which ends with it.
    pub(super) is_own: bool,
}

impl Replaced {
    /// Creates the description of a key that was rotated, from the key before the rotation.
    pub(super) fn new(before: ApiKey, until: DateTime<Utc>, signed_in: &SignedIn) -> Self {
        Self {
            is_own: before.id == signed_in.actor().key,
            key: ApiKey {
                retires_at: Some(before.retires_at.map_or(until, |at| at.min(until))),
                ..before
            },
        }
    }
}

/// Responds with the secret of a new key.
pub(super) fn show(
    signed_in: &SignedIn,
    key: ApiKey,
    secret: String,
    replaced: Option<Replaced>,
) -> Result<HttpResponse, ConsoleError> {
    let created = CreatedKey {
        frame: Frame::new(signed_in, Section::Keys, EN.keys.created),
        key,
        secret,
        replaced,
    };
    page(StatusCode::CREATED, &created)
}
