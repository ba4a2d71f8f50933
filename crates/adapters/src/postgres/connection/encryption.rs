//! Encryption of connections to PostgreSQL.

use std::net::IpAddr;

use diesel::sql_types::{Bool, Nullable, Text};
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use percent_encoding::percent_decode_str;

use crate::postgres::connection::connect::{ConnectError, connect};

/// Modes of libpq. <https://www.postgresql.org/docs/current/libpq-ssl.html>
const MODES: [&str; 6] = [
    "disable",
    "allow",
    "prefer",
    "require",
    "verify-ca",
    "verify-full",
];

/// Protection of the connections to a database against others on the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionSecurity {
    /// The connection does not leave the machine: a unix socket, or an address of the machine.
    Local,
    /// The connection is not encrypted.
    Unencrypted,
    /// The connection is encrypted, but libpq does not verify the certificate of the server.
    Unverified,
    /// The connection is encrypted, and libpq verifies the certificate of the server.
    Verified,
}

#[derive(QueryableByName)]
struct SessionRow {
    #[diesel(sql_type = Nullable<Text>)]
    server: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    client: Option<String>,
    #[diesel(sql_type = Bool)]
    is_encrypted: bool,
}

/// Connects to `url`, and returns how the connection is protected. Behind a pooler, that is the
/// connection of the pooler to PostgreSQL.
///
/// # Errors
/// If the connection or the query fails.
pub fn connection_security(url: &str) -> Result<ConnectionSecurity, ConnectError> {
    let session: SessionRow = sql_query(
        "SELECT host(inet_server_addr()) AS server, host(inet_client_addr()) AS client, \
                EXISTS (SELECT FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl) \
                OR EXISTS (SELECT FROM pg_stat_gssapi WHERE pid = pg_backend_pid() AND encrypted) \
                    AS is_encrypted",
    )
    .get_result(&mut connect(url)?)?;
    Ok(session.security(url))
}

impl SessionRow {
    fn security(&self, url: &str) -> ConnectionSecurity {
        let address = self
            .server
            .as_ref()
            .map(|address| address.parse::<IpAddr>());
        let is_loopback = |address: Result<IpAddr, _>| address.is_ok_and(|ip| ip.is_loopback());
        // A unix socket has no address.
        if address.is_none_or(is_loopback) || self.server == self.client {
            return ConnectionSecurity::Local;
        }
        if !self.is_encrypted {
            return ConnectionSecurity::Unencrypted;
        }
        let is_verified = ssl_mode(url).is_some_and(|mode| mode.starts_with("verify-"))
            || parameter(url, "sslrootcert").is_some_and(|path| path == "system");
        if is_verified {
            ConnectionSecurity::Verified
        } else {
            ConnectionSecurity::Unverified
        }
    }
}

/// Rejects a mode that libpq does not know. libpq's own message repeats the value.
pub(super) fn check_ssl_mode(url: &str) -> Result<(), ConnectError> {
    match ssl_mode(url) {
        Some(mode) if !MODES.contains(&mode.as_str()) => Err(ConnectError::InvalidSslMode),
        _ => Ok(()),
    }
}

/// Returns the mode in the URL, or that in `PGSSLMODE`.
fn ssl_mode(url: &str) -> Option<String> {
    parameter(url, "sslmode").or_else(|| std::env::var("PGSSLMODE").ok())
}

/// Returns the value of a parameter in the URL or the key-value string. libpq uses the last one.
fn parameter(url: &str, name: &str) -> Option<String> {
    let is_url = url.starts_with("postgres://") || url.starts_with("postgresql://");
    let parameters = if is_url { url.split_once('?')?.1 } else { url };
    let pairs = parameters.split(|c: char| c == '&' || c.is_whitespace());
    let mut values = pairs.filter_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name));
    let (_, value) = values.next_back()?;
    let decoded = percent_decode_str(value.trim_matches('\'')).decode_utf8_lossy();
    Some(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(None, None, false, "", ConnectionSecurity::Local)]
    #[case(
        Some("127.0.0.1"),
        Some("127.0.0.1"),
        false,
        "",
        ConnectionSecurity::Local
    )]
    #[case(Some("::1"), Some("::1"), false, "", ConnectionSecurity::Local)]
    #[case(
        Some("10.0.0.1"),
        Some("10.0.0.1"),
        false,
        "",
        ConnectionSecurity::Local
    )]
    #[case(
        Some("10.0.0.1"),
        Some("10.0.0.2"),
        false,
        "require",
        ConnectionSecurity::Unencrypted
    )]
    #[case(
        Some("10.0.0.1"),
        Some("10.0.0.2"),
        true,
        "require",
        ConnectionSecurity::Unverified
    )]
    #[case(
        Some("10.0.0.1"),
        Some("10.0.0.2"),
        true,
        "prefer",
        ConnectionSecurity::Unverified
    )]
    #[case(
        Some("10.0.0.1"),
        Some("10.0.0.2"),
        true,
        "verify-ca",
        ConnectionSecurity::Verified
    )]
    #[case(
        Some("10.0.0.1"),
        Some("10.0.0.2"),
        true,
        "verify-full",
        ConnectionSecurity::Verified
    )]
    fn security_depends_on_session_and_mode(
        #[case] server: Option<&str>,
        #[case] client: Option<&str>,
        #[case] is_encrypted: bool,
        #[case] mode: &str,
        #[case] expected: ConnectionSecurity,
    ) {
        let session = SessionRow {
            server: server.map(str::to_owned),
            client: client.map(str::to_owned),
            is_encrypted,
        };
        for url in [
            format!("postgres://ada:p?x@db/devices?a=1&sslmode={mode}"),
            format!("host=db sslmode='{mode}'"),
        ] {
            assert_eq!(session.security(&url), expected, "{url}");
        }
    }

    #[rstest]
    #[case("postgres://db/devices?sslmode=verify_full")]
    #[case("postgres://db/devices?sslmode=require&sslmode=on")]
    #[case("host=db sslmode=on")]
    fn unknown_mode_is_rejected(#[case] url: &str) {
        assert!(matches!(
            check_ssl_mode(url),
            Err(ConnectError::InvalidSslMode)
        ));
    }
}
