//! Preferences of the client (RFC 7240): `handling=lenient` asks to ignore unknown fields,
//! `return=minimal` to omit devices from the response, and `wait=30` to wait for events.

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, HeaderValue};
use actix_web::{FromRequest, HttpRequest};
use devices_domain::UnknownFields;
use tokio::time::{Duration, Instant};

/// Representation of devices in the results of a batch: the `return` preference of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Representation {
    /// Devices are included.
    Full,
    /// Devices are omitted.
    Minimal,
}

/// The `handling` preference of the client. The middleware `preference_applied` confirms it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handling {
    /// Unknown fields are errors.
    Strict,
    /// Unknown fields are ignored.
    Lenient,
}

impl Handling {
    /// Reads the `handling` preference of the `Prefer` headers.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Self {
        if prefers(headers, "handling", "lenient") {
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

/// Returns whether the first preference with this name has this value. RFC 7240, 2, ignores the
/// others.
fn prefers(headers: &HeaderMap, name: &str, value: &str) -> bool {
    let preferred = preference(headers, name);
    preferred.is_some_and(|preferred| preferred.eq_ignore_ascii_case(value))
}

/// Returns the value of the first preference with this name.
fn preference<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let first = headers
        .get_all("prefer")
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| split_unquoted(header, ','))
        .filter_map(|preference| split_unquoted(preference, ';').next()?.split_once('='))
        .find(|(given, _)| given.trim().eq_ignore_ascii_case(name));
    first.map(|(_, value)| value.trim().trim_matches('"'))
}

/// The `wait` preference of the client: the time for which a request may wait for events. `None` if
/// it must not wait. The handler confirms it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait(Option<Duration>);

impl Wait {
    /// Longest wait in seconds. Proxies often end requests that take longer.
    const MAX_SECONDS: u64 = 60;

    /// Reads the preference from the `Prefer` headers. Ignores an invalid value, as RFC 7240, 2,
    /// requires. A longer wait counts as the longest one.
    fn from_headers(headers: &HeaderMap) -> Self {
        let seconds = preference(headers, "wait")
            .filter(|value| !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()))
            // Fails only for a number that is too large.
            .map(|value| value.parse().unwrap_or(u64::MAX).min(Self::MAX_SECONDS));
        Self(
            seconds
                .filter(|seconds| *seconds > 0)
                .map(Duration::from_secs),
        )
    }

    /// Returns the time until which a request may wait from now on.
    pub(crate) fn deadline(self) -> Option<Instant> {
        self.0.map(|wait| Instant::now() + wait)
    }

    /// Returns the value of `Preference-Applied` of a request that has waited.
    pub(crate) fn applied(self) -> HeaderValue {
        let seconds = self.0.unwrap_or_default().as_secs();
        HeaderValue::try_from(format!("wait={seconds}"))
            .unwrap_or_else(|_| HeaderValue::from_static("wait"))
    }
}

impl FromRequest for Wait {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::from_headers(request.headers())))
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

impl Representation {
    /// Reads the `return` preference of the `Prefer` headers.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Self {
        if prefers(headers, "return", "minimal") {
            Self::Minimal
        } else {
            Self::Full
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderName;
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
        assert_eq!(Handling::from_headers(&headers(sent)), handling);
    }

    #[rstest]
    #[case(&["wait=30"], Some(30))]
    #[case(&["respond-async, Wait = \"7\"; x=y"], Some(7))]
    #[case(&["wait=60"], Some(60))]
    #[case(&["wait=61"], Some(60))]
    #[case(&["wait=3600"], Some(60))]
    #[case(&["wait=99999999999999999999999999"], Some(60))]
    #[case(&["wait=5, wait=9"], Some(5))]
    #[case(&["handling=lenient", "wait=5"], Some(5))]
    #[case(&["wait=0"], None)]
    #[case(&["wait=-1"], None)]
    #[case(&["wait=+1"], None)]
    #[case(&["wait=1.5"], None)]
    #[case(&["wait=1s"], None)]
    #[case(&["wait=soon, wait=9"], None)]
    #[case(&["wait="], None)]
    #[case(&["wait"], None)]
    #[case(&["waiting=5"], None)]
    #[case(&[], None)]
    fn first_wait_preference_is_used(#[case] sent: &[&str], #[case] seconds: Option<u64>) {
        let wait = Wait::from_headers(&headers(sent));
        assert_eq!(wait, Wait(seconds.map(Duration::from_secs)));
    }

    fn headers(sent: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in sent {
            headers.append(
                HeaderName::from_static("prefer"),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        headers
    }
}
