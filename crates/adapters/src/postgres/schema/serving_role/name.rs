//! The name of the serving role.

use std::fmt;

use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::sql_types::Text;
use diesel::{QueryResult, RunQueryDsl};

/// Beginning of the names of serving roles, and the name of the role that earlier versions used for
/// all databases of a PostgreSQL server.
pub(super) const PREFIX: &str = "fleet_devices_serving";

/// Maximum length of a name in bytes. PostgreSQL cuts longer ones.
/// <https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS>
const MAX_LENGTH: usize = 63;

/// Role with the privileges that serving a database needs, and no others. A role belongs to a whole
/// PostgreSQL server. Each database therefore has one of its own: otherwise, the users of one
/// database could read another.
///
/// Displayed as a quoted SQL identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServingRole {
    name: String,
    /// `true` if the default name was cut: another database may have the same.
    pub(super) is_cut: bool,
}

impl ServingRole {
    /// Returns the role with the configured name, or else the default of the database.
    pub(crate) fn resolve(
        connection: &mut PgConnection,
        configured: Option<&str>,
    ) -> QueryResult<Self> {
        if let Some(name) = configured {
            return Ok(Self {
                name: name.to_owned(),
                is_cut: false,
            });
        }
        // The name in the URL may be an alias in a pooler.
        let database = diesel::select(sql::<Text>("current_database()::text"));
        Ok(Self::for_database(
            &database.get_result::<String>(connection)?,
        ))
    }

    /// Returns the default: `fleet_devices_serving_<database>`, cut to 63 bytes.
    fn for_database(database: &str) -> Self {
        let name = format!("{PREFIX}_{database}");
        let mut length = name.len().min(MAX_LENGTH);
        while !name.is_char_boundary(length) {
            length -= 1;
        }
        Self {
            is_cut: length < name.len(),
            name: name[..length].to_owned(),
        }
    }

    /// Name without quotes, for a bind value.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for ServingRole {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&quote_identifier(&self.name))
    }
}

/// Returns a name as an SQL identifier.
pub(super) fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("devices", "\"fleet_devices_serving_devices\"", false)]
    #[case("My \"DB\"", "\"fleet_devices_serving_My \"\"DB\"\"\"", false)]
    #[case(
        "a2345678901234567890123456789012345678901",
        "\"fleet_devices_serving_a2345678901234567890123456789012345678901\"",
        false
    )]
    #[case(
        "a23456789012345678901234567890123456789012",
        "\"fleet_devices_serving_a2345678901234567890123456789012345678901\"",
        true
    )]
    #[case(
        "a234567890123456789012345678901234567890é",
        "\"fleet_devices_serving_a234567890123456789012345678901234567890\"",
        true
    )]
    fn default_name_fits_into_63_bytes(
        #[case] database: &str,
        #[case] identifier: &str,
        #[case] is_cut: bool,
    ) {
        let role = ServingRole::for_database(database);
        assert_eq!(
            (role.to_string().as_str(), role.is_cut),
            (identifier, is_cut)
        );
    }
}
