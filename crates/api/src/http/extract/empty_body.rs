//! Bodies of operations that take no values.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use devices_domain::{ErrorCode, ErrorReport, FieldError, ValueKind};
use futures_util::future::{FutureExt, LocalBoxFuture};

use crate::http::extract::body::{self, Body, run_blocking_if_large};
use crate::http::extract::json;
use crate::http::extract::json_object::not_an_object;
use crate::http::respond::api_error::ApiError;

/// No body, or the body `{}`. Generated clients send either.
///
/// # Errors
/// The errors of [`Body`], except that no body needs no content type. `Rejected` if the body is
/// anything but an empty object, whatever the client prefers: an ignored option would change what
/// is stored.
pub(crate) struct EmptyBody;

impl FromRequest for EmptyBody {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        async move {
            let Some(body) = body::read_optional(&request, payload).await? else {
                return Ok(Self);
            };
            let Body { bytes, permit } = body;
            let (validated, bytes) = run_blocking_if_large(bytes, validate).await?;
            drop((bytes, permit));
            validated.map(|()| Self)
        }
        .boxed_local()
    }
}

fn validate(bytes: &[u8]) -> Result<(), ApiError> {
    json::read(bytes, "absent or {}", |json| {
        let kind = json.kind();
        if kind != ValueKind::Object {
            json.skip();
            return Err(not_an_object(kind).into());
        }
        let unknown_members = std::iter::from_fn(|| {
            let name = json.next_member()?;
            json.skip();
            let mut error = FieldError::unknown_name("field", &name, ErrorCode::InvalidBody, None);
            error.detail = format!("{}, the body has no fields", error.detail).into();
            Some(error)
        });
        let report = ErrorReport::from_errors(unknown_members);
        if report.is_empty() {
            Ok(())
        } else {
            Err(report.into())
        }
    })?
}
