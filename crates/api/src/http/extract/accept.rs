//! Negotiation of the media type of a response.

use actix_web::HttpRequest;
use actix_web::http::header::{Accept, Header, Quality};

use crate::http::respond::api_error::ApiError;

/// A format with the media ranges of `Accept` that match it, the most specific first.
pub(crate) type AcceptedFormat<T> = (T, &'static [&'static str]);

/// Returns the format that `Accept` prefers (RFC 9110, 12.5.1): the last of equally preferred ones.
/// Without the header, the last format.
///
/// # Errors
/// `NotAcceptable` if the header accepts no format or is malformed.
pub(crate) fn negotiate<T: Copy>(
    request: &HttpRequest,
    formats: &[AcceptedFormat<T>],
) -> Result<T, ApiError> {
    let accept = Accept::parse(request).map_err(|_| ApiError::NotAcceptable)?;
    let quality = |media_ranges: &[&str]| {
        if accept.is_empty() {
            return Quality::MAX;
        }
        let find_range = |range: &&str| {
            let mut accepted = accept.iter();
            accepted.find(|accepted| accepted.item.essence_str() == *range)
        };
        let accepted = media_ranges.iter().find_map(find_range);
        accepted.map_or(Quality::ZERO, |accepted| accepted.quality)
    };
    // `max_by_key` returns the last of equal formats.
    let preferred = formats.iter().max_by_key(|(_, ranges)| quality(ranges));
    preferred
        .filter(|(_, ranges)| quality(ranges) > Quality::ZERO)
        .map(|(format, _)| *format)
        .ok_or(ApiError::NotAcceptable)
}
