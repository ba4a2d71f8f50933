//! Proxy of the environment.

use ureq::Proxy;

use crate::error::ClientError;

/// Returns the proxy for a URL from the variables that curl uses.
///
/// ureq's own look-up takes the first variable that is set, whatever the scheme of the URL.
///
/// # Errors
/// `InvalidProxy`: without the proxy, the request would take another way than the user wants.
pub(crate) fn from_environment(url: &str) -> Result<Option<Proxy>, ClientError> {
    from_variables(url, |name| std::env::var(name).ok())
}

fn from_variables(
    url: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Proxy>, ClientError> {
    let either = |name: &str| {
        let value = variable(name).or_else(|| variable(&name.to_lowercase()));
        value.filter(|value| !value.trim().is_empty())
    };
    let of_scheme = if url.starts_with("https:") {
        "HTTPS_PROXY"
    } else {
        "HTTP_PROXY"
    };
    let mut names = [of_scheme, "ALL_PROXY"].into_iter();
    let Some((name, address)) = names.find_map(|name| Some((name, either(name)?))) else {
        return Ok(None);
    };
    let invalid = |_| ClientError::InvalidProxy(name);
    let parsed = Proxy::new(address.trim()).map_err(invalid)?;
    let mut builder = Proxy::builder(parsed.protocol())
        .host(parsed.host())
        .port(parsed.port())
        .resolve_target(parsed.resolve_target());
    if let Some(username) = parsed.username() {
        builder = builder.username(username);
    }
    if let Some(password) = parsed.password() {
        builder = builder.password(password);
    }
    let excluded = either("NO_PROXY").unwrap_or_default();
    let entries = excluded.split(',').map(str::trim);
    for entry in entries.filter(|entry| !entry.is_empty()) {
        // For curl and most others, `example.com` includes its subdomains.
        builder = builder.no_proxy(entry);
        if !entry.starts_with(['.', '*']) {
            builder = builder.no_proxy(&format!(".{entry}"));
        }
    }
    builder.build().map(Some).map_err(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup<'a>(variables: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| {
            let mut all = variables.iter();
            let found = all.find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        }
    }

    /// Returns the host of the proxy for a URL, unless `NO_PROXY` excludes it.
    fn proxy_of(url: &str, variables: &[(&str, &str)]) -> Option<String> {
        let proxy = from_variables(url, lookup(variables)).unwrap()?;
        let uri = url.parse().expect("the URL is valid");
        (!proxy.is_no_proxy(&uri)).then(|| format!("{}:{}", proxy.host(), proxy.port()))
    }

    #[test]
    fn proxy_depends_on_the_scheme() {
        let variables = [("HTTP_PROXY", "http://a:1"), ("https_proxy", "http://b:2")];
        assert_eq!(proxy_of("http://x", &variables).as_deref(), Some("a:1"));
        assert_eq!(proxy_of("https://x", &variables).as_deref(), Some("b:2"));
    }

    #[test]
    fn all_proxy_applies_to_both_schemes() {
        let variables = [("ALL_PROXY", "http://a:1"), ("HTTP_PROXY", "")];
        assert_eq!(proxy_of("http://x", &variables).as_deref(), Some("a:1"));
        assert_eq!(proxy_of("https://x", &variables).as_deref(), Some("a:1"));
    }

    #[test]
    fn invalid_proxy_is_an_error_without_its_value() {
        for value in [
            "http://user:secret@",
            "gopher://secret:1",
            "http://secret proxy",
        ] {
            let variables = [("https_proxy", value)];
            let error = from_variables("https://x", lookup(&variables)).unwrap_err();
            let message = error.to_string();
            assert!(message.contains("HTTPS_PROXY"), "{message}");
            assert!(!message.contains("secret"), "{message}");
        }
    }

    #[test]
    fn no_proxy_excludes_hosts_and_subdomains() {
        let variables = [
            ("HTTP_PROXY", "http://a:1"),
            ("NO_PROXY", "localhost, example.com"),
        ];
        assert_eq!(proxy_of("http://localhost:8080", &variables), None);
        assert_eq!(proxy_of("http://devices.example.com", &variables), None);
        assert_eq!(
            proxy_of("http://other.org", &variables).as_deref(),
            Some("a:1")
        );
    }
}
