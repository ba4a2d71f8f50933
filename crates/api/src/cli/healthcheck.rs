//! Command `healthcheck`.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use clap::Args;
use serde::Deserialize;
use serde_json::json;

use super::serve::to_local;
use super::{CliError, output};
use crate::settings::Server;

/// Time in which the server must respond.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Maximum size of the body of an error. The server's are shorter.
const MAX_BODY_BYTES: u64 = 4_096;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Check only that the server responds (`/livez`), not that it can use its database (`/readyz`)
    #[arg(long)]
    live: bool,
}

/// Body of a response with an error.
#[derive(Default, Deserialize)]
struct ErrorBody {
    #[serde(default)]
    error: String,
    #[serde(default)]
    message: String,
}

/// Requests `/readyz` or `/livez` from the server on this machine. Succeeds if it returns a 200.
pub(super) fn run(arguments: &Arguments, server: &Server, json: bool) -> Result<(), CliError> {
    let (path, status) = if arguments.live {
        ("/livez", "ok")
    } else {
        ("/readyz", "ready")
    };
    let address = local_address(server)?;
    get(&address, path)?;
    if json {
        output::print_line(json!({ "status": status }))
    } else {
        output::print_line(status)
    }
}

/// Returns host and port at which this machine reaches the server.
fn local_address(server: &Server) -> Result<String, CliError> {
    let port = server.port;
    if port == 0 {
        let message = "DEVICES__SERVER__PORT is 0, so that the port of the server is unknown. Set \
                       it to a port.";
        return Err(CliError::Rejected(message.to_owned()));
    }
    Ok(match server.host.parse::<IpAddr>() {
        Ok(ip) => to_local(SocketAddr::new(ip, port)),
        Err(_) => format!("{}:{port}", server.host),
    })
}

/// Sends a request. The errors omit the host: the value of a setting may be a secret in the wrong
/// place.
fn get(address: &str, path: &str) -> Result<(), CliError> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        .max_redirects(0)
        // A proxy of the environment must not answer for the server.
        .proxy(None)
        .build()
        .into();
    let port = address.rsplit(':').next().unwrap_or_default();
    let response = agent.get(format!("http://{address}{path}")).call();
    let mut response = response.map_err(|error| {
        CliError::Rejected(format!(
            "no response to GET {path} from the server on port {port}: {}. Check that it runs, and \
             that DEVICES__SERVER__HOST and DEVICES__SERVER__PORT are those of the server.",
            reason(&error)
        ))
    })?;
    let status = response.status();
    if status.as_u16() == 200 {
        return Ok(());
    }
    let body = response.body_mut().with_config().limit(MAX_BODY_BYTES);
    let body: ErrorBody = body
        .read_to_string()
        .ok()
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    let ErrorBody { error, message } = body;
    let details = [error, message].into_iter().filter(|text| !text.is_empty());
    let details: Vec<String> = std::iter::once(status.as_u16().to_string())
        .chain(details)
        .collect();
    Err(CliError::Rejected(format!(
        "the server on port {port} responded to GET {path} with {}.",
        details.join(": ")
    )))
}

/// Returns the reason of a failed request, without the host.
fn reason(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => format!("timeout after {} s", TIMEOUT.as_secs()),
        ureq::Error::Io(error) => error.to_string(),
        ureq::Error::HostNotFound => "the host is unknown".to_owned(),
        _ => "it does not speak HTTP".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::settings::Settings;

    fn server(host: &str, port: &str) -> Server {
        let variables = [
            ("DEVICES__DATABASE__URL", "postgres://localhost/devices"),
            ("DEVICES__SERVER__HOST", host),
            ("DEVICES__SERVER__PORT", port),
        ];
        Settings::for_environment("test", &variables)
            .unwrap()
            .server
    }

    #[rstest]
    #[case("0.0.0.0", "127.0.0.1:8080")]
    #[case("::", "[::1]:8080")]
    #[case("10.0.0.7", "10.0.0.7:8080")]
    #[case("localhost", "localhost:8080")]
    fn server_is_reached_on_this_machine(#[case] host: &str, #[case] address: &str) {
        assert_eq!(local_address(&server(host, "8080")).unwrap(), address);
    }

    #[test]
    fn unknown_port_is_rejected() {
        let error = local_address(&server("127.0.0.1", "0")).unwrap_err();
        assert!(error.to_string().contains("DEVICES__SERVER__PORT"));
    }
}
