//! Bodies that are one JSON object.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use devices_domain::{ErrorCode, FieldError, RawRow, Reason, UnknownFields, ValueKind};
use futures_util::future::{FutureExt, LocalBoxFuture};

use crate::http::extract::body::{Body, run_blocking_if_large};
use crate::http::extract::json;
use crate::http::extract::prefer::Handling;
use crate::http::respond::api_error::ApiError;

/// The body of a request: one JSON object, validated as a `T`.
///
/// # Errors
/// The errors of [`Body`]. `Rejected` if the body is not a JSON object, or is invalid.
pub(crate) struct JsonObject<T>(pub(crate) T);

/// A type that a JSON object is validated as.
pub(crate) trait FromObject: Sized + Send + 'static {
    /// Returns an empty row with the fields of this type.
    fn empty_row() -> RawRow<'static>;

    /// Validates the row that the object was read into.
    fn validate(row: &RawRow<'_>, unknown_fields: UnknownFields) -> Result<Self, ApiError>;
}

impl<T: FromObject> FromRequest for JsonObject<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let unknown_fields = Handling::from_headers(request.headers()).unknown_fields();
        let body = Body::from_request(request, payload);
        async move {
            let Body { bytes, permit } = body.await?;
            let validate = move |bytes: &[u8]| validate(bytes, unknown_fields);
            let (object, bytes) = run_blocking_if_large(bytes, validate).await?;
            // The fields' maximum lengths bound the memory of the object; the permit ends with the
            // bytes.
            drop((bytes, permit));
            object.map(Self)
        }
        .boxed_local()
    }
}

/// Validates the bytes of a body, which must be one JSON object, as a `T`.
pub(crate) fn validate<T: FromObject>(
    bytes: &[u8],
    unknown_fields: UnknownFields,
) -> Result<T, ApiError> {
    json::read(bytes, "a JSON object", |json| match json.kind() {
        ValueKind::Object => {
            let mut row = T::empty_row();
            json.read_members(&mut row);
            T::validate(&row, unknown_fields)
        }
        other => {
            json.skip();
            Err(not_an_object(other).into())
        }
    })?
}

/// Returns the error for a body that is not an object.
pub(crate) fn not_an_object(kind: ValueKind) -> FieldError {
    FieldError::whole(
        ErrorCode::InvalidBody,
        Reason::WrongType,
        format!("must be an object, not {}", kind.as_str()),
    )
}
