//! Bodies of operations whose options all have defaults.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use devices_domain::UnknownFields;
use futures_util::future::{FutureExt, LocalBoxFuture};

use crate::http::extract::body::{self, Body, run_blocking_if_large};
use crate::http::extract::json_object::{FromObject, validate};
use crate::http::respond::api_error::ApiError;

/// No body, or one JSON object, validated as a `T`. No body is an object without fields.
///
/// # Errors
/// The errors of [`Body`], except that no body needs no content type. `Rejected` if the body is not
/// a JSON object, or has unknown or invalid fields.
pub(crate) struct OptionalObject<T>(pub(crate) T);

impl<T: FromObject> FromRequest for OptionalObject<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        async move {
            let Some(body) = body::read_optional(&request, payload).await? else {
                return T::validate(&T::empty_row(), UnknownFields::Reject).map(Self);
            };
            let Body { bytes, permit } = body;
            let validate = |bytes: &[u8]| validate(bytes, UnknownFields::Reject);
            let (object, bytes) = run_blocking_if_large(bytes, validate).await?;
            drop((bytes, permit));
            object.map(Self)
        }
        .boxed_local()
    }
}
