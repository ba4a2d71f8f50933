//! Establishes connections.

use diesel::Connection;
use diesel::connection::CacheSize;
use diesel::pg::PgConnection;
use diesel::result::{ConnectionError, Error as DieselError};

use crate::postgres::connection::encryption::check_ssl_mode;
use crate::postgres::connection::redact;
use crate::postgres::connection::trace::TraceStatements;
use crate::postgres::schema::startup_checks::UnsuitableDatabase;

/// Reason why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is not a PostgreSQL URL.
    #[error(
        "invalid PostgreSQL URL, expected postgres://user:password@host:5432/database with \
         special characters in user and password percent-encoded"
    )]
    InvalidUrl,
    /// `sslmode` is not one of libpq's modes.
    #[error(
        "sslmode (in the URL or PGSSLMODE) must be disable, allow, prefer, require, verify-ca or \
         verify-full"
    )]
    InvalidSslMode,
    /// The connection could not be established. Contains libpq's message, without the parts of the
    /// URL that it repeats.
    #[error("{0}")]
    ConnectionFailed(String),
    /// The server does not accept connections, or not yet. Contains libpq's message, without the
    /// parts of the URL that it repeats.
    #[error("{0}")]
    NotAccepting(String),
    /// The database stores or searches only some scripts.
    #[error(transparent)]
    UnsuitableDatabase(#[from] UnsuitableDatabase),
    /// A statement failed.
    #[error("{0}")]
    Query(#[from] DieselError),
}

impl ConnectError {
    /// Keeps libpq's message only if it is about a server that libpq tried to reach. A message
    /// about a URL that libpq cannot parse helps nobody without the parts that it repeats.
    fn of(error: ConnectionError, url: &str) -> Self {
        if let ConnectionError::CouldntSetupConfiguration(error) = error {
            return Self::Query(error);
        }
        let message = error.to_string();
        let server_messages = [
            "connection to server",
            "could not connect",
            "could not translate",
            "FATAL:",
            "SSL support is not compiled in",
        ];
        if !server_messages.iter().any(|text| message.contains(text)) {
            return Self::InvalidUrl;
        }
        let redacted = redact::redact(message.trim_end(), url);
        if is_not_accepting(&message) {
            Self::NotAccepting(redacted)
        } else {
            Self::ConnectionFailed(redacted)
        }
    }
}

/// Returns whether every line of libpq's message states that a server does not accept connections.
/// libpq writes a line for each address that it tried, and begins explanations of it with a tab.
///
/// libpq does not report the SQLSTATE. Its own messages are in English, because this program sets
/// no locale. The last four are from PostgreSQL, in the language of its setting `lc_messages`.
fn is_not_accepting(message: &str) -> bool {
    let texts = [
        "Connection refused",
        "Connection reset by peer",
        "could not translate host name",
        // A container whose address is gone, and one behind a firewall that drops packets.
        "No route to host",
        "Network is unreachable",
        "timeout expired",
        "Connection timed out",
        // A forwarded port of a container whose server does not listen yet.
        "server closed the connection unexpectedly",
        "the database system is starting up",
        "the database system is not yet accepting connections",
        "the database system is shutting down",
        "the database system is in recovery mode",
    ];
    let is_missing_socket = |line: &str| {
        // Other missing files, such as a certificate, do not appear by themselves.
        let begins = [
            "connection to server on socket",
            "could not connect to server",
        ];
        line.contains("No such file or directory") && begins.iter().any(|text| line.contains(text))
    };
    let is_explanation = |line: &&str| line.is_empty() || line.starts_with('\t');
    let mut lines = message.lines().filter(|line| !is_explanation(line));
    lines.all(|line| is_missing_socket(line) || texts.iter().any(|text| line.contains(text)))
}

/// Establishes a connection whose statements are logged. `url` already has [`PARAMETERS`].
pub(crate) fn establish(url: &str) -> Result<PgConnection, ConnectError> {
    let connection = PgConnection::establish(url);
    let mut connection = connection.map_err(|error| ConnectError::of(error, url))?;
    connection.set_instrumentation(TraceStatements);
    Ok(connection)
}

/// Establishes a connection outside the pool.
pub(crate) fn connect(url: &str) -> Result<PgConnection, ConnectError> {
    let mut connection = establish(&with_parameters(url)?)?;
    // Behind a transaction pooler, the next statement may run on a server connection where the
    // prepared statement does not exist.
    connection.set_prepared_statement_cache_size(CacheSize::Disabled);
    Ok(connection)
}

/// Timeouts for a server that stops responding: libpq has none for connecting, and Linux
/// retransmits on an established connection for 15 minutes. Names and units:
/// <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS>
const PARAMETERS: [&str; 6] = [
    // Names the connections in `pg_stat_activity` and in PostgreSQL's log.
    "fallback_application_name=devices-api",
    "connect_timeout=5",
    "tcp_user_timeout=15000",
    "keepalives_idle=15",
    "keepalives_interval=5",
    "keepalives_count=3",
];

/// Inserts [`PARAMETERS`] before the parameters of `url`, in either of libpq's two formats. If a
/// name occurs twice, libpq uses the last one, so the parameters of `url` take precedence.
pub(crate) fn with_parameters(url: &str) -> Result<String, ConnectError> {
    check_ssl_mode(url)?;
    let schemes = ["postgres://", "postgresql://"];
    let Some(scheme) = schemes.iter().find(|scheme| url.starts_with(**scheme)) else {
        return Ok(format!("{} {url}", PARAMETERS.join(" ")));
    };
    // libpq ends the user and password at the first `@`, unless a `/` precedes it.
    let after_user = match url[scheme.len()..].find(['@', '/']) {
        Some(at) if url[scheme.len() + at..].starts_with('@') => scheme.len() + at + 1,
        _ => scheme.len(),
    };
    let (base, parameters) = match url[after_user..].find('?') {
        Some(at) => url.split_at(after_user + at),
        None => (url, ""),
    };
    // libpq would take the rest of a password with an unescaped `@` or `/` for the host name, and
    // print it in its error message.
    if base[after_user..].contains('@') {
        return Err(ConnectError::InvalidUrl);
    }
    let parameters = parameters.trim_start_matches('?');
    let separator = if parameters.is_empty() { "" } else { "&" };
    Ok(format!(
        "{base}?{}{separator}{parameters}",
        PARAMETERS.join("&")
    ))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("postgres://host/db", "postgres://host/db?{}")]
    #[case("postgresql://u:p@host:1/db", "postgresql://u:p@host:1/db?{}")]
    #[case("postgres:///db?host=/tmp", "postgres:///db?{}&host=/tmp")]
    #[case("postgres://u:p?w@host/db", "postgres://u:p?w@host/db?{}")]
    #[case("postgres://u:p?w@host/db?x=1", "postgres://u:p?w@host/db?{}&x=1")]
    #[case("postgres://host/db?", "postgres://host/db?{}")]
    #[case("postgres://host/db?x=1&", "postgres://host/db?{}&x=1&")]
    #[case(
        "postgres://host/db?application_name=a@b",
        "postgres://host/db?{}&application_name=a@b"
    )]
    #[case(
        "postgres://connect_timeout@host/db",
        "postgres://connect_timeout@host/db?{}"
    )]
    fn url_keeps_its_parameters_last(#[case] url: &str, #[case] pattern: &str) {
        let expected = pattern.replace("{}", &PARAMETERS.join("&"));
        assert_eq!(with_parameters(url).ok(), Some(expected));
    }

    #[test]
    fn key_value_string_keeps_its_parameters_last() {
        let actual = with_parameters("host=h password='a b'").ok();
        let expected = format!("{} host=h password='a b'", PARAMETERS.join(" "));
        assert_eq!(actual, Some(expected));
    }

    #[rstest]
    #[case(
        "server at \"h\" (::1), port 1 failed: Connection refused\n\tIs the server running on",
        true
    )]
    #[case(
        "server on socket \"/x/.s.PGSQL.1\" failed: No such file or directory\n\tIs",
        true
    )]
    #[case(
        "server at \"h\", port 1 failed: FATAL:  the database system is starting up",
        true
    )]
    #[case(
        "server at \"h\", port 1 failed: server closed the connection unexpectedly\n\tThis",
        true
    )]
    #[case("server at \"h\", port 1 failed: timeout expired", true)]
    #[case(
        "server at \"h\", port 1 failed: FATAL:  role \"a\" does not exist",
        false
    )]
    #[case(
        "server at \"h\", port 1 failed: SSL error: certificate verify failed",
        false
    )]
    #[case(
        "server at \"h\", port 1 failed: could not open certificate file \"c\": No such file or \
         directory",
        false
    )]
    fn server_that_does_not_accept_is_recognized(#[case] failure: &str, #[case] expected: bool) {
        let message = format!("connection to {failure}\n");
        assert_eq!(is_not_accepting(&message), expected);
        // libpq has tried two addresses.
        let refused = "connection to server at \"h\" (::1), port 1 failed: Connection refused\n";
        assert_eq!(is_not_accepting(&format!("{refused}{message}")), expected);
    }

    #[test]
    fn host_without_address_does_not_accept() {
        let message =
            "could not translate host name \"db\" to address: Name or service not known\n";
        assert!(is_not_accepting(message));
    }

    #[rstest]
    #[case("postgres://u:p@w@host/db")]
    #[case("postgres://u:p@w/x@host/db")]
    #[case("postgres://u:p/w@host/db")]
    fn password_with_unescaped_delimiter_is_rejected(#[case] url: &str) {
        assert!(matches!(
            with_parameters(url),
            Err(ConnectError::InvalidUrl)
        ));
    }
}
