//! URL of the database for the server, derived from that of the owner.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Parameters that the server needs, too. Others may contain a password, or name the user.
const KEPT_PARAMETERS: [&str; 6] = [
    "host",
    "hostaddr",
    "port",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
];

/// Returns the URL with the user `login` and the word PASSWORD in place of user and password.
///
/// `None` if the URL is a key-value string, or names no database: libpq then derives it from the
/// user.
pub(super) fn server_url(owner_url: &str, login: &str) -> Option<String> {
    let (scheme, rest) = owner_url.split_once("://")?;
    if !["postgres", "postgresql"].contains(&scheme) {
        return None;
    }
    // libpq ends the user and password at the first `@`, unless a `/` precedes it.
    let rest = match rest.find(['@', '/']) {
        Some(at) if rest[at..].starts_with('@') => &rest[at + 1..],
        _ => rest,
    };
    let (base, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let has_database = base
        .split_once('/')
        .is_some_and(|(_, name)| !name.is_empty());
    if !has_database || base.contains('@') {
        return None;
    }
    let is_kept = |parameter: &&str| {
        let name = parameter
            .split_once('=')
            .map_or(*parameter, |(name, _)| name);
        KEPT_PARAMETERS.contains(&name)
    };
    let parameters: Vec<_> = parameters.split('&').filter(is_kept).collect();
    let separator = if parameters.is_empty() { "" } else { "?" };
    let login = utf8_percent_encode(login, NON_ALPHANUMERIC).to_string();
    // An underscore, which role names often contain, needs no encoding.
    let login = login.replace("%5F", "_");
    Some(format!(
        "{scheme}://{login}:PASSWORD@{base}{separator}{}",
        parameters.join("&")
    ))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        "postgres://o:pw@db:5432/devices",
        Some("postgres://srv:PASSWORD@db:5432/devices")
    )]
    #[case("postgresql://db/d", Some("postgresql://srv:PASSWORD@db/d"))]
    #[case(
        "postgres:///d?host=/run/pg",
        Some("postgres://srv:PASSWORD@/d?host=/run/pg")
    )]
    #[case(
        "postgres://o@db/d?user=o&password=pw&sslmode=verify-full&x=pw",
        Some("postgres://srv:PASSWORD@db/d?sslmode=verify-full")
    )]
    #[case("postgres://o:p@w@db/d", None)]
    #[case("postgres://o:pw@db", None)]
    #[case("postgres://o:pw@db/", None)]
    #[case("host=db password=pw dbname=d", None)]
    fn url_of_server_has_no_secret(#[case] owner: &str, #[case] expected: Option<&str>) {
        assert_eq!(server_url(owner, "srv").as_deref(), expected);
    }

    #[test]
    fn login_is_encoded() {
        let url = server_url("postgres://db/d", "my_role@x").unwrap();
        assert_eq!(url, "postgres://my_role%40x:PASSWORD@db/d");
    }
}
