//! Reaching a server.

use diesel::Connection;
use diesel::connection::CacheSize;
use diesel::pg::PgConnection;
use diesel::result::{ConnectionError, Error as DieselError};

/// A database that could not be reached, or is no use.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is none.
    #[error(
        "the URL is no PostgreSQL URL; it looks like postgres://user:password@host:5432/database, \
         with other characters than letters and digits percent-encoded in user and password"
    )]
    NoUrl,
    /// No connection.
    #[error("{0}")]
    Refused(String),
    /// It does not store Unicode.
    #[error("its encoding is {0}, and must be UTF8")]
    NotUnicode(String),
    /// It answered with an error.
    #[error("{0}")]
    Failed(#[from] DieselError),
}

impl From<ConnectionError> for ConnectError {
    /// What libpq says of a URL that it cannot read repeats parts of it, a password among them.
    /// What it says of a server that it asked does not, and names the server.
    fn from(error: ConnectionError) -> Self {
        if let ConnectionError::CouldntSetupConfiguration(error) = error {
            return Self::Failed(error);
        }
        let message = error.to_string();
        let asked = [
            "connection to server",
            "could not connect",
            "could not translate",
            "FATAL:",
        ];
        match asked.iter().any(|words| message.contains(words)) {
            true => Self::Refused(message.trim_end().to_owned()),
            false => Self::NoUrl,
        }
    }
}

/// A connection of one's own, beside the pool.
pub(crate) fn connect(url: &str) -> Result<PgConnection, ConnectError> {
    let mut connection = PgConnection::establish(&with_parameters(url)?)?;
    // Behind a pooler the next statement may run where none of them was prepared.
    connection.set_prepared_statement_cache_size(CacheSize::Disabled);
    Ok(connection)
}

/// An end to every wait for a server that is gone without a word: libpq has none for connecting,
/// and Linux retries an established connection for a quarter of an hour. Names and units:
/// <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS>
const PARAMETERS: [&str; 5] = [
    "connect_timeout=5",
    "tcp_user_timeout=15000",
    "keepalives_idle=15",
    "keepalives_interval=5",
    "keepalives_count=3",
];

/// `url`, either of libpq's two forms, with [`PARAMETERS`] before its own: the last one of a name
/// is the one that libpq takes.
pub(crate) fn with_parameters(url: &str) -> Result<String, ConnectError> {
    let schemes = ["postgres://", "postgresql://"];
    let Some(scheme) = schemes.iter().find(|scheme| url.starts_with(**scheme)) else {
        return Ok(format!("{} {url}", PARAMETERS.join(" ")));
    };
    // As libpq reads it: a user ends at the first `@`, unless a `/` comes before.
    let after_user = match url[scheme.len()..].find(['@', '/']) {
        Some(at) if url[scheme.len() + at..].starts_with('@') => scheme.len() + at + 1,
        _ => scheme.len(),
    };
    let (place, parameters) = match url[after_user..].find('?') {
        Some(at) => url.split_at(after_user + at),
        None => (url, ""),
    };
    // The rest of a password with an `@` or a `/` in it would be taken, and told, for a host.
    if place[after_user..].contains('@') {
        return Err(ConnectError::NoUrl);
    }
    let own = parameters.trim_start_matches('?');
    let separator = if own.is_empty() { "" } else { "&" };
    Ok(format!("{place}?{}{separator}{own}", PARAMETERS.join("&")))
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
    fn the_parameters_of_a_url_come_before_its_own(#[case] url: &str, #[case] with: &str) {
        let expected = with.replace("{}", &PARAMETERS.join("&"));
        assert_eq!(with_parameters(url).ok(), Some(expected));
    }

    #[test]
    fn the_parameters_of_keywords_and_values_come_before_their_own() {
        let with = with_parameters("host=h password='a b'").ok();
        let expected = format!("{} host=h password='a b'", PARAMETERS.join(" "));
        assert_eq!(with, Some(expected));
    }

    #[rstest]
    #[case("postgres://u:p@w@host/db")]
    #[case("postgres://u:p@w/x@host/db")]
    #[case("postgres://u:p/w@host/db")]
    fn a_password_that_libpq_would_take_for_a_host_is_no_url(#[case] url: &str) {
        assert!(matches!(with_parameters(url), Err(ConnectError::NoUrl)));
    }
}
