//! Sends requests, and retries them.

use std::error::Error;
use std::io::{ErrorKind, Read};
use std::time::{Duration, SystemTime};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::http::{self, Method, StatusCode, header};
use ureq::{Body, BodyReader, Timeout};

use crate::client::Client;
use crate::error::ClientError;
use crate::retry::{Failure, Retry};

/// Maximum size of a response other than an export.
const MAX_BODY: u64 = 1 << 30;

/// A request of the API.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a Method,
    /// Path and query, from the slash.
    pub(crate) target: &'a str,
    pub(crate) accept: &'a str,
    /// Content type and bytes.
    pub(crate) body: Option<(&'a str, &'a [u8])>,
    pub(crate) idempotency_key: Option<&'a str>,
}

impl<'a> Request<'a> {
    pub(crate) fn get(target: &'a str) -> Self {
        Self {
            method: &Method::GET,
            target,
            accept: "application/json",
            body: None,
            idempotency_key: None,
        }
    }

    /// Creates a request with a body.
    pub(crate) fn post(target: &'a str, content_type: &'a str, body: &'a [u8]) -> Self {
        Self {
            method: &Method::POST,
            body: Some((content_type, body)),
            ..Self::get(target)
        }
    }
}

/// Returns a target: a path with parameters.
pub(crate) fn target(path: &str, parameters: &[(String, String)]) -> String {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs: Vec<_> = parameters
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    if pairs.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", pairs.join("&"))
    }
}

/// A response with a status below 400, completely read.
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: http::HeaderMap,
    pub(crate) body: Vec<u8>,
    url: String,
}

impl Response {
    /// Returns a header. `None` if it is missing or not ASCII.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Parses the body.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        serde_json::from_slice(&self.body).map_err(|error| ClientError::InvalidResponse {
            url: self.url.clone(),
            reason: error.to_string(),
        })
    }

    /// Parses the member `data` of the body.
    pub(crate) fn data<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        Ok(self.json::<Data<T>>()?.data)
    }
}

/// Member of the body that has the result.
#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

/// Retry safety of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Idempotency {
    /// Changes nothing, or has an idempotency key.
    Idempotent,
    /// May change something twice if it is sent twice.
    NotIdempotent,
}

impl Client {
    /// Sends a request and reads its response, with retries.
    pub(crate) fn send(
        &self,
        request: Request,
        idempotency: Idempotency,
    ) -> Result<Response, ClientError> {
        self.retry(idempotency, || {
            let response = self.attempt(request, idempotency)?;
            let (parts, body) = response.into_parts();
            let read = read_body(body);
            let body = read.map_err(|error| self.connection_failure(&error, idempotency))?;
            Ok(Response {
                status: parts.status.as_u16(),
                headers: parts.headers,
                body,
                url: self.url_of(request.target),
            })
        })
    }

    /// Sends a request with retries. Returns its body unread: a connection that is lost later fails
    /// the reading.
    pub(crate) fn stream(&self, request: Request) -> Result<BodyReader<'static>, ClientError> {
        self.retry(Idempotency::Idempotent, || {
            let response = self.attempt(request, Idempotency::Idempotent)?;
            Ok(response.into_body().into_reader())
        })
    }

    fn retry<T>(
        &self,
        idempotency: Idempotency,
        attempt: impl Fn() -> Result<T, Box<Failure>>,
    ) -> Result<T, ClientError> {
        let mut number = 1;
        loop {
            let failure = match attempt() {
                Ok(success) => return Ok(success),
                Err(failure) => failure,
            };
            let is_retried = failure.is_transient && idempotency == Idempotency::Idempotent;
            let delay = is_retried
                .then(|| self.retry_policy().delay(number, failure.retry_after))
                .flatten();
            let Some(delay) = delay else {
                return Err(failure.error);
            };
            self.report_retry(&Retry {
                attempt: number,
                delay,
                error: &failure.error,
                may_have_stored: failure.may_have_stored,
            });
            std::thread::sleep(delay);
            number += 1;
        }
    }

    /// Sends a request once. Returns the response if its status is below 300.
    fn attempt(
        &self,
        request: Request,
        idempotency: Idempotency,
    ) -> Result<http::Response<Body>, Box<Failure>> {
        let url = self.url_of(request.target);
        let mut builder = http::Request::builder()
            .method(request.method)
            .uri(&url)
            .header(header::AUTHORIZATION, self.authorization())
            .header(header::ACCEPT, request.accept);
        if let Some(key) = request.idempotency_key {
            builder = builder.header("Idempotency-Key", key);
        }
        let invalid = |error: http::Error| ClientError::InvalidUrl(error.to_string());
        let result = if let Some((content_type, body)) = request.body {
            builder = builder.header(header::CONTENT_TYPE, content_type);
            self.agent().run(builder.body(body).map_err(invalid)?)
        } else {
            self.agent().run(builder.body(()).map_err(invalid)?)
        };
        let response = result.map_err(|error| self.connection_failure(&error, idempotency))?;
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(rejected(url, response))
        }
    }

    /// Converts an error to the failure of a request without a response.
    fn connection_failure(&self, error: &ureq::Error, idempotency: Idempotency) -> Box<Failure> {
        let kind = ConnectionError::classify(error);
        Box::new(Failure {
            error: ClientError::Unreachable {
                url: self.url().to_owned(),
                reason: reason_of(error),
                may_have_stored: kind == ConnectionError::Lost
                    && idempotency == Idempotency::NotIdempotent,
            },
            is_transient: kind != ConnectionError::Permanent,
            may_have_stored: kind == ConnectionError::Lost,
            retry_after: None,
        })
    }
}

/// Converts a response with a status of 300 or more to a failure.
fn rejected(url: String, response: http::Response<Body>) -> Box<Failure> {
    let (parts, body) = response.into_parts();
    let header = |name: &str| {
        let value = parts.headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    if parts.status.is_redirection() {
        let location = header("Location").unwrap_or_default();
        return ClientError::Redirected { url, location }.into();
    }
    // The status is what matters. Without its body, the reason is unknown.
    let body = read_body(body).unwrap_or_default();
    let status = parts.status.as_u16();
    let error = ClientError::from_response(status, &body, header("X-Request-Id"));
    let in_use = error.code() == Some("IDEMPOTENCY_KEY_IN_USE");
    Box::new(Failure {
        is_transient: in_use || is_transient(parts.status),
        may_have_stored: in_use || may_have_stored(parts.status, &error),
        retry_after: header("Retry-After").and_then(|value| parse_retry_after(&value)),
        error,
    })
}

fn read_body(body: Body) -> Result<Vec<u8>, ureq::Error> {
    let mut bytes = Vec::new();
    let mut reader = body.into_with_config().limit(MAX_BODY).reader();
    reader.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Returns whether another attempt may succeed. 502 and 504 come from a proxy whose server
/// restarts.
fn is_transient(status: StatusCode) -> bool {
    [
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::BAD_GATEWAY,
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::GATEWAY_TIMEOUT,
    ]
    .contains(&status)
}

/// Returns whether the server may have carried out a request that it, or a proxy, rejected. A
/// server that is busy sends 503 without a message; one that lost the result of a commit sends one.
fn may_have_stored(status: StatusCode, error: &ClientError) -> bool {
    match status {
        StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => true,
        StatusCode::SERVICE_UNAVAILABLE => {
            matches!(error, ClientError::Status { body, .. } if body["message"].is_string())
        }
        _ => false,
    }
}

/// Parses seconds, or the date that proxies may send instead (RFC 9110, 10.2.3). A time in the past
/// is no delay.
fn parse_retry_after(value: &str) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let time = httpdate::parse_http_date(value).ok()?;
    Some(time.duration_since(SystemTime::now()).unwrap_or_default())
}

/// Kind of an error without a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ConnectionError {
    /// There was no connection, so the request was not sent.
    NotConnected,
    /// The connection was lost after the request was sent, at least in part.
    Lost,
    /// Another attempt would fail in the same way.
    Permanent,
}

impl ConnectionError {
    fn classify(error: &ureq::Error) -> Self {
        use ureq::Error as E;
        match error {
            E::HostNotFound
            | E::ConnectionFailed
            | E::Timeout(Timeout::Connect | Timeout::Resolve) => Self::NotConnected,
            E::Io(error) => match error.kind() {
                ErrorKind::ConnectionRefused
                | ErrorKind::HostUnreachable
                | ErrorKind::NetworkUnreachable => Self::NotConnected,
                // rustls wraps an untrusted certificate in an error of the connection.
                ErrorKind::InvalidData => Self::Permanent,
                _ => Self::Lost,
            },
            E::Timeout(_) | E::Protocol(_) | E::Decompress(..) => Self::Lost,
            _ => Self::Permanent,
        }
    }
}

/// Returns the reason of an error without a response, for people.
fn reason_of(error: &ureq::Error) -> String {
    match error {
        ureq::Error::HostNotFound => "the host is unknown".to_owned(),
        ureq::Error::ConnectProxyFailed(reason) => format!("the proxy does not connect: {reason}"),
        ureq::Error::Timeout(_) => "the server did not respond in time".to_owned(),
        ureq::Error::Io(error) => match error.kind() {
            ErrorKind::ConnectionRefused => "the connection was refused".to_owned(),
            ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe => "the connection was lost".to_owned(),
            _ => innermost(error),
        },
        error => innermost(error),
    }
}

/// Returns the message of the innermost error, which states the cause.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let message = innermost.to_string();
    match message.strip_prefix("invalid peer certificate: ") {
        Some(reason) => format!(
            "the operating system does not trust its certificate ({reason}). Install the \
             certificate of its issuer there"
        ),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uncertain_rejections_may_have_stored() {
        let is_uncertain = |status: u16, body: &str| {
            let error = ClientError::from_response(status, body.as_bytes(), None);
            may_have_stored(StatusCode::from_u16(status).unwrap(), &error)
        };
        let busy = r#"{"error":"SERVICE_UNAVAILABLE"}"#;
        let in_doubt = r#"{"error":"SERVICE_UNAVAILABLE","message":"may have been stored"}"#;
        assert!(is_uncertain(502, "") && is_uncertain(504, "") && is_uncertain(503, in_doubt));
        assert!(!is_uncertain(503, busy) && !is_uncertain(429, "") && !is_uncertain(408, ""));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let seconds = |value: &str| parse_retry_after(value).map(|delay| delay.as_secs());
        assert_eq!(seconds(" 7 "), Some(7));
        assert_eq!(seconds("Thu, 26 Nov 2015 11:00:00 GMT"), Some(0));
        assert_eq!(seconds("soon"), None);
        let later = SystemTime::now() + Duration::from_secs(1_000);
        let delay = seconds(&httpdate::fmt_http_date(later)).unwrap();
        assert!((900..=1_000).contains(&delay), "{delay}");
    }

    #[test]
    fn parameters_are_encoded() {
        let parameters = [("search".to_owned(), "a b&c=ü".to_owned())];
        let expected = "/devices?search=a%20b%26c%3D%C3%BC";
        assert_eq!(target("/devices", &parameters), expected);
        assert_eq!(target("/devices", &[]), "/devices");
    }
}
