//! The head of a request with a file to import.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::IF_MATCH;
use actix_web::{FromRequest, HttpRequest};
use devices_domain::IdempotencyKey;

use crate::http::extract::idempotency_key;
use crate::http::respond::api_error::ApiError;

/// Idempotency key of `POST /devices/import` and `POST /devices/import/validate`. Their options are
/// in the body.
///
/// # Errors
/// `BadHeader` for a malformed or repeated idempotency key, and for `If-Match`: a batch has no
/// single revision.
pub(crate) struct ImportHead {
    pub(crate) key: Option<IdempotencyKey>,
}

impl FromRequest for ImportHead {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::read(request))
    }
}

impl ImportHead {
    fn read(request: &HttpRequest) -> Result<Self, ApiError> {
        let headers = request.headers();
        if headers.contains_key(IF_MATCH) {
            return Err(ApiError::BadHeader(
                "The header If-Match must not be sent with a file: send it with PATCH",
            ));
        }
        let key = idempotency_key::from_headers(headers)?;
        Ok(Self { key })
    }
}
