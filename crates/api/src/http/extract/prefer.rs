//! `Prefer: handling=lenient` (RFC 7240): the client asks to ignore unknown fields.

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::HeaderMap;
use actix_web::{FromRequest, HttpRequest};
use devices_domain::UnknownFields;

/// The `handling` preference of the client. The middleware `preference_applied` confirms it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handling {
    /// Unknown fields are errors.
    Strict,
    /// Unknown fields are ignored.
    Lenient,
}

impl Handling {
    /// Reads the first `handling` preference of the `Prefer` headers; RFC 7240, 2, ignores the
    /// others.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Self {
        let first = headers
            .get_all("prefer")
            .filter_map(|header| header.to_str().ok())
            .flat_map(|header| split_unquoted(header, ','))
            .filter_map(|preference| split_unquoted(preference, ';').next()?.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("handling"));
        let value = first.map(|(_, value)| value.trim().trim_matches('"'));
        if value.is_some_and(|value| value.eq_ignore_ascii_case("lenient")) {
            Self::Lenient
        } else {
            Self::Strict
        }
    }

    pub(crate) fn unknown_fields(self) -> UnknownFields {
        match self {
            Self::Strict => UnknownFields::Reject,
            Self::Lenient => UnknownFields::Ignore,
        }
    }
}

/// Splits a header at the separators outside of quoted strings (RFC 9110, 5.6.4).
fn split_unquoted(header: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    let mut is_escaped = false;
    header.split(move |character| {
        let is_text = is_escaped;
        is_escaped = !is_text && is_quoted && character == '\\';
        if character == '"' && !is_text {
            is_quoted = !is_quoted;
        }
        character == separator && !is_quoted
    })
}

impl FromRequest for Handling {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::from_headers(request.headers())))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(&["handling=lenient"], Handling::Lenient)]
    #[case(&["Handling=\"Lenient\""], Handling::Lenient)]
    #[case(&["respond-async, handling=lenient; x=y"], Handling::Lenient)]
    #[case(&["respond-async", "handling = lenient"], Handling::Lenient)]
    #[case(&["handling=strict, handling=lenient"], Handling::Strict)]
    #[case(&[r#"a="x, \" y"; b="z;", handling=lenient"#], Handling::Lenient)]
    #[case(&[r#"a="x, handling=lenient""#], Handling::Strict)]
    #[case(&[r#"a="x\", handling=lenient, ""#], Handling::Strict)]
    #[case(&[r#"handling="lenient; x""#], Handling::Strict)]
    #[case(&["handling"], Handling::Strict)]
    #[case(&["lenient"], Handling::Strict)]
    #[case(&[], Handling::Strict)]
    fn first_handling_preference_is_used(#[case] sent: &[&str], #[case] handling: Handling) {
        let mut headers = HeaderMap::new();
        for value in sent {
            headers.append(
                HeaderName::from_static("prefer"),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        assert_eq!(Handling::from_headers(&headers), handling);
    }
}
