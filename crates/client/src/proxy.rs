//! Proxy of the environment.

use ureq::Proxy;

/// Returns the proxy for a URL from the variables that curl uses.
///
/// ureq's own look-up takes the first variable that is set, whatever the scheme of the URL.
pub(crate) fn from_environment(url: &str) -> Option<Proxy> {
    from_variables(url, |name| std::env::var(name).ok())
}

fn from_variables(url: &str, variable: impl Fn(&str) -> Option<String>) -> Option<Proxy> {
    let either = |name: &str| {
        let value = variable(name).or_else(|| variable(&name.to_lowercase()));
        value.filter(|value| !value.trim().is_empty())
    };
    let of_scheme = if url.starts_with("https:") {
        "HTTPS_PROXY"
    } else {
        "HTTP_PROXY"
    };
    let address = either(of_scheme).or_else(|| either("ALL_PROXY"))?;
    let parsed = Proxy::new(address.trim()).ok()?;
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
    builder.build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the host of the proxy for a URL, unless `NO_PROXY` excludes it.
    fn proxy_of(url: &str, variables: &[(&str, &str)]) -> Option<String> {
        let variable = |name: &str| {
            let mut all = variables.iter();
            all.find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        };
        let proxy = from_variables(url, variable)?;
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
