//! Client of one server with one key.

use std::fmt;
use std::time::Duration;

use ureq::Agent;
use ureq::http::{HeaderValue, Uri};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Connector, DefaultConnector};

use crate::devices::DeviceFilter;
use crate::early_response::EarlyResponseConnector;
use crate::error::ClientError;
use crate::page::PageRequest;
use crate::proxy;
use crate::retry::{Retry, RetryPolicy};
use crate::transport::{Idempotency, Request};

/// Time for a connection, including its TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Time without any byte of a response. A large import may wait for others, and then takes seconds.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(180);

/// Maximum idle time of a pooled connection. Proxies may close older ones.
const MAX_IDLE: Duration = Duration::from_secs(5);

/// Called before each delay.
type OnRetry = Box<dyn Fn(&Retry<'_>) + Send + Sync>;

/// Client of one server with one key. Can be used by several threads.
pub struct Client {
    agent: Agent,
    url: String,
    authorization: HeaderValue,
    retry_policy: RetryPolicy,
    on_retry: OnRetry,
}

/// Scope of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Read everything in the workspace.
    Read,
    /// Also change it.
    Write,
}

impl Client {
    /// Creates a client. Sends nothing.
    ///
    /// The URL may end with a path, such as that of a reverse proxy.
    ///
    /// # Errors
    /// `InvalidUrl`, `InvalidKey` and `InvalidProxy`.
    pub fn new(url: &str, key: &str) -> Result<Self, ClientError> {
        let url = normalize_url(url)?;
        let bearer = format!("Bearer {}", key.trim());
        let has_key = !key.trim().is_empty() && !key.trim().contains(char::is_whitespace);
        let header = HeaderValue::from_str(&bearer).ok().filter(|_| has_key);
        let mut authorization = header.ok_or(ClientError::InvalidKey)?;
        authorization.set_sensitive(true);
        Ok(Self {
            agent: agent(&url)?,
            url,
            authorization,
            retry_policy: RetryPolicy::default(),
            on_retry: Box::new(|_| ()),
        })
    }

    /// Sets the number of attempts and the delays between them.
    #[must_use]
    pub fn with_retries(mut self, policy: RetryPolicy) -> Self {
        self.retry_policy = policy;
        self
    }

    /// Sets a function that is called before each delay.
    #[must_use]
    pub fn on_retry(mut self, callback: impl Fn(&Retry<'_>) + Send + Sync + 'static) -> Self {
        self.on_retry = Box::new(callback);
        self
    }

    /// Returns the URL of the server, without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Checks the key with two requests that change nothing. Returns its scope.
    ///
    /// # Errors
    /// `Status` with 401 for a key that the server does not accept, and the errors of any request.
    pub fn scope(&self) -> Result<Scope, ClientError> {
        let one = PageRequest {
            limit: Some(1),
            cursor: None,
        };
        self.devices(&DeviceFilter::default(), &one)?;
        // The server checks the scope before it reads the body, which it then rejects.
        let probe = Request::post("/devices/validate", "application/json", b"{}");
        match self.send(probe, Idempotency::Idempotent) {
            Err(error) if error.status() == Some(403) => Ok(Scope::Read),
            Err(error) if error.status() == Some(400) => Ok(Scope::Write),
            Err(error) => Err(error),
            Ok(_) => Ok(Scope::Write),
        }
    }

    pub(crate) fn url_of(&self, target: &str) -> String {
        format!("{}{target}", self.url)
    }

    pub(crate) fn agent(&self) -> &Agent {
        &self.agent
    }

    pub(crate) fn authorization(&self) -> &HeaderValue {
        &self.authorization
    }

    pub(crate) fn retry_policy(&self) -> &RetryPolicy {
        &self.retry_policy
    }

    pub(crate) fn report_retry(&self, retry: &Retry) {
        (self.on_retry)(retry);
    }
}

/// Omits the key.
impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("url", &self.url)
            .field("retry_policy", &self.retry_policy)
            .finish_non_exhaustive()
    }
}

fn agent(url: &str) -> Result<Agent, ClientError> {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(rustls::crypto::ring::default_provider().into())
        .build();
    let config = Agent::config_builder()
        .http_status_as_error(false)
        // ureq sends neither the key nor the body of a POST to the new URL.
        .max_redirects(0)
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_per_read(Some(SILENCE_TIMEOUT))
        .timeout_per_write(Some(SILENCE_TIMEOUT))
        .max_idle_age(MAX_IDLE)
        .user_agent(concat!("devices-client/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls)
        .proxy(proxy::from_environment(url)?)
        .build();
    let connector = DefaultConnector::default().chain(EarlyResponseConnector);
    let resolver = DefaultResolver::default();
    Ok(Agent::with_parts(config, connector, resolver))
}

/// Checks a URL. Returns it without a slash at its end.
fn normalize_url(url: &str) -> Result<String, ClientError> {
    let invalid = |reason: &str| ClientError::InvalidUrl(reason.to_owned());
    let url = url.trim().trim_end_matches('/');
    let parsed: Uri = url
        .parse()
        .map_err(|_| invalid("it must be like https://devices.example"))?;
    if !matches!(parsed.scheme_str(), Some("http" | "https")) {
        return Err(invalid("it must begin with http:// or https://"));
    }
    let authority = parsed
        .authority()
        .ok_or_else(|| invalid("it has no host"))?;
    if authority.host().is_empty() {
        return Err(invalid("it has no host"));
    }
    if authority.as_str().contains('@') {
        return Err(invalid("it must not contain a user or a password"));
    }
    if parsed.query().is_some() || url.contains('#') {
        return Err(invalid("it must not contain `?` or `#`"));
    }
    Ok(url.to_owned())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("http://devices.example:8080/", "http://devices.example:8080")]
    #[case(" https://[::1]:8443 ", "https://[::1]:8443")]
    #[case("https://it.example/devices/", "https://it.example/devices")]
    fn slash_at_the_end_of_a_url_is_removed(#[case] url: &str, #[case] expected: &str) {
        assert_eq!(Client::new(url, "k").unwrap().url(), expected);
    }

    #[rstest]
    #[case("devices.example:8080")]
    #[case("ftp://devices.example")]
    #[case("http://")]
    #[case("")]
    #[case("http://user:secret@devices.example")]
    #[case("http://devices.example/?a=b")]
    #[case("http://devices.example/#a")]
    #[case("http://devices example")]
    fn invalid_url_is_rejected(#[case] url: &str) {
        let error = Client::new(url, "k").unwrap_err();
        assert!(matches!(error, ClientError::InvalidUrl(_)), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[rstest]
    #[case("")]
    #[case(" ")]
    #[case("two words")]
    #[case("line\nbreak")]
    fn invalid_key_is_rejected(#[case] key: &str) {
        let error = Client::new("http://devices.example", key).unwrap_err();
        assert!(matches!(error, ClientError::InvalidKey), "{error}");
    }

    #[test]
    fn debug_output_has_no_key() {
        let client = Client::new("http://devices.example", "fdk_secret").unwrap();
        assert!(!format!("{client:?}").contains("secret"));
    }
}
