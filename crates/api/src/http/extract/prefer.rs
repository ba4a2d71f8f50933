//! `Prefer: handling=lenient` (RFC 7240): the client asks that unknown fields be ignored.

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use devices_domain::UnknownFields;

use crate::http::respond::api_error::ApiError;

/// What the client prefers where it sent more than is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handling {
    /// Unknown fields are errors.
    Strict,
    /// Unknown fields are ignored, and the answer says so.
    Lenient,
}

impl Handling {
    /// The first `handling` preference of the `Prefer` headers counts, as RFC 7240 has it.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let first = headers
            .get_all("prefer")
            .filter_map(|header| header.to_str().ok())
            .flat_map(|header| header.split(','))
            .filter_map(|preference| preference.split(';').next()?.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("handling"));
        let value = first.map(|(_, value)| value.trim().trim_matches('"'));
        match value.is_some_and(|value| value.eq_ignore_ascii_case("lenient")) {
            true => Self::Lenient,
            false => Self::Strict,
        }
    }

    pub(crate) fn unknown_fields(self) -> UnknownFields {
        match self {
            Self::Strict => UnknownFields::Reject,
            Self::Lenient => UnknownFields::Ignore,
        }
    }

    /// The answer, which says that the preference was honoured.
    pub(crate) fn applied_to(self, answer: Result<HttpResponse, ApiError>) -> HttpResponse {
        let mut response = answer.unwrap_or_else(HttpResponse::from_error);
        self.apply(&mut response);
        response
    }

    fn apply(self, response: &mut HttpResponse) {
        if self == Self::Lenient {
            response.headers_mut().insert(
                HeaderName::from_static("preference-applied"),
                HeaderValue::from_static("handling=lenient"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(&["handling=lenient"], Handling::Lenient)]
    #[case(&["Handling=\"Lenient\""], Handling::Lenient)]
    #[case(&["respond-async, handling=lenient; x=y"], Handling::Lenient)]
    #[case(&["respond-async", "handling = lenient"], Handling::Lenient)]
    #[case(&["handling=strict, handling=lenient"], Handling::Strict)]
    #[case(&["handling"], Handling::Strict)]
    #[case(&["lenient"], Handling::Strict)]
    #[case(&[], Handling::Strict)]
    fn the_first_handling_preference_counts(#[case] sent: &[&str], #[case] handling: Handling) {
        let mut headers = HeaderMap::new();
        for value in sent {
            headers.append(
                HeaderName::from_static("prefer"),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        assert_eq!(Handling::of(&headers), handling);
    }
}
