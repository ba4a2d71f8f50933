//! Parameters of the path.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use devices_domain::{
    BatchId, DeviceId, ErrorCode, ErrorReport, FieldError, FieldValue, IdentifierKey, KeyId,
    RawValue, Reason, SerialNumber, UserId,
};
use percent_encoding::percent_decode;

use crate::http::respond::api_error::ApiError;

/// The validated parameter of the path.
///
/// # Errors
/// `RejectedParameters`, with the name of the parameter.
pub(crate) struct PathParam<T>(pub(crate) T);

/// A type that the parameter of a path is parsed into.
pub(crate) trait PathParameter: Sized {
    /// Name of the parameter.
    const NAME: &'static str;

    /// Code of its errors.
    const CODE: ErrorCode = ErrorCode::InvalidParameter;

    fn parse_parameter(text: &str) -> Result<Self, FieldError>;
}

impl<T: PathParameter> FromRequest for PathParam<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        // The router replaces bytes that are not UTF-8 by U+FFFD. The other segments of a route are
        // ASCII, so such bytes are in the parameter.
        let is_utf8 = percent_decode(request.uri().path().as_bytes())
            .decode_utf8()
            .is_ok();
        // Decodes the percent-encoding that the router leaves, such as %2F.
        let text = web::Path::<String>::from_request(request, payload).into_inner();
        let parameter = text.map_err(|_| ApiError::NotFound).and_then(|text| {
            let parameter = if is_utf8 {
                T::parse_parameter(&text)
            } else {
                Err(invalid::<T>(Reason::NotUtf8, "must be UTF-8"))
            };
            parameter.map_err(|error| ApiError::RejectedParameters(ErrorReport::from_error(error)))
        });
        ready(parameter.map(Self))
    }
}

fn invalid<T: PathParameter>(reason: Reason, detail: &'static str) -> FieldError {
    FieldError::new(T::NAME, T::CODE, reason, detail)
}

impl PathParameter for BatchId {
    const NAME: &'static str = "batch_id";

    fn parse_parameter(text: &str) -> Result<Self, FieldError> {
        parse_id::<Self>(text).map(Self)
    }
}

impl PathParameter for DeviceId {
    const NAME: &'static str = "device_id";

    fn parse_parameter(text: &str) -> Result<Self, FieldError> {
        parse_id::<Self>(text).map(Self)
    }
}

impl PathParameter for KeyId {
    const NAME: &'static str = "key_id";

    fn parse_parameter(text: &str) -> Result<Self, FieldError> {
        parse_id::<Self>(text).map(Self)
    }
}

impl PathParameter for UserId {
    const NAME: &'static str = "user_id";

    fn parse_parameter(text: &str) -> Result<Self, FieldError> {
        parse_id::<Self>(text).map(Self)
    }
}

impl PathParameter for SerialNumber {
    const NAME: &'static str = "serial_number";
    const CODE: ErrorCode = ErrorCode::InvalidSerialNumber;

    fn parse_parameter(text: &str) -> Result<Self, FieldError> {
        Self::parse(&RawValue::text(text)).map_err(|invalid| {
            FieldError::new(Self::NAME, invalid.code, invalid.reason, invalid.detail)
        })
    }
}

/// Accepts every text: one that is no valid serial number identifies nothing.
impl PathParameter for IdentifierKey {
    const NAME: &'static str = SerialNumber::NAME;
    const CODE: ErrorCode = SerialNumber::CODE;

    fn parse_parameter(text: &str) -> Result<Self, FieldError> {
        Ok(Self::new(text))
    }
}

/// Parses an id: an integer above zero, without leading zeros.
fn parse_id<T: PathParameter>(text: &str) -> Result<i64, FieldError> {
    let is_id = !text.is_empty()
        && !text.starts_with('0')
        && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_id {
        // An id beyond i64 is never stored. `i64::MAX` stands for it, and is just as unknown.
        Ok(text.parse().unwrap_or(i64::MAX))
    } else {
        Err(invalid::<T>(
            Reason::Malformed,
            "must be an integer above zero, without leading zeros",
        ))
    }
}
