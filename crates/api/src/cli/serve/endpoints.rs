//! Addresses on which the server listens, and their output.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::cli::{CliError, log, output};
use crate::settings::LogFormat;

/// Address on which a server listens.
pub(super) struct Endpoint {
    /// URL at which this machine reaches the server. The loopback address replaces the unspecified
    /// one.
    url: String,
    is_on_all_addresses: bool,
}

impl Endpoint {
    pub(super) fn new(addresses: &[SocketAddr], path: &str) -> Self {
        let address = addresses.first().copied();
        Self {
            url: format!(
                "http://{}{path}",
                address.map_or_else(String::new, to_local)
            ),
            is_on_all_addresses: address.is_some_and(|address| address.ip().is_unspecified()),
        }
    }

    /// Returns a note for people: the URL names one address, even if the server listens on all.
    fn note(&self) -> &'static str {
        if self.is_on_all_addresses {
            " (all addresses)"
        } else {
            ""
        }
    }
}

/// Returns the address at which this machine reaches a server that listens on `address`.
pub(in crate::cli) fn to_local(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address.to_string()
}

/// Pages for people that a server has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pages {
    pub(super) console: bool,
    pub(super) docs: bool,
}

/// Prints the addresses to standard output: as text, or as one line in the format of the log with
/// the members `address` and `metrics`.
pub(super) fn print(
    format: LogFormat,
    api: &Endpoint,
    served: Pages,
    metrics: Option<&Endpoint>,
) -> Result<(), CliError> {
    let address = &api.url;
    let listens = format!("Fleet Devices listens on {address}{}", api.note());
    if format == LogFormat::Json {
        let mut line = log::line("INFO", &listens);
        line["address"] = address.as_str().into();
        line["metrics"] = metrics.map(|metrics| metrics.url.as_str()).into();
        return output::print_line(line);
    }
    output::print_line(format_args!("{listens} (stop it with Ctrl-C)"))?;
    if served.console {
        output::print_line(format_args!("Console: {address}/ui/"))?;
    }
    if served.docs {
        output::print_line(format_args!("API page: {address}/docs/"))?;
    }
    metrics.map_or(Ok(()), |metrics| {
        output::print_line(format_args!("Metrics: {}{}", metrics.url, metrics.note()))
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("127.0.0.1:8080", "http://127.0.0.1:8080/metrics", "")]
    #[case("0.0.0.0:8080", "http://127.0.0.1:8080/metrics", " (all addresses)")]
    #[case("[::]:8080", "http://[::1]:8080/metrics", " (all addresses)")]
    fn endpoint_is_reachable_from_this_machine(
        #[case] bound: SocketAddr,
        #[case] url: &str,
        #[case] note: &str,
    ) {
        let endpoint = Endpoint::new(&[bound], "/metrics");
        assert_eq!((endpoint.url.as_str(), endpoint.note()), (url, note));
    }
}
