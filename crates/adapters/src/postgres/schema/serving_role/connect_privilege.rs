//! The privilege to connect to the database. By default, every user of a PostgreSQL server has it.

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::{Bool, Text};
use diesel::{QueryResult, QueryableByName, RunQueryDsl, sql_query};

use crate::postgres::schema::serving_role::grants::texts;
use crate::postgres::schema::serving_role::name::ServingRole;

/// Maximum number of users that advice names.
const MAX_NAMES: usize = 10;

#[derive(QueryableByName)]
struct ConnectRow {
    /// Database as an SQL identifier.
    #[diesel(sql_type = Text)]
    database: String,
    /// `true` if this user may grant and revoke privileges on the database.
    #[diesel(sql_type = Bool)]
    is_owner: bool,
    /// `true` if every user may connect.
    #[diesel(sql_type = Bool)]
    is_public: bool,
    /// `true` if the serving role may connect, even if not every user may.
    #[diesel(sql_type = Bool)]
    is_granted: bool,
}

const CONNECT: &str = "
    SELECT quote_ident(datname) AS database, pg_has_role(datdba, 'USAGE') AS is_owner,
           EXISTS (SELECT FROM aclexplode(acl) WHERE privilege_type = 'CONNECT' AND grantee = 0)
               AS is_public,
           EXISTS (SELECT FROM aclexplode(acl) WHERE privilege_type = 'CONNECT' AND grantee <> 0
                   AND pg_has_role($1, grantee, 'USAGE')) AS is_granted
    FROM pg_database, coalesce(datacl, acldefault('d', datdba)) AS acl
    WHERE datname = current_database()";

/// Users that may connect only because every user may. Members of the serving role may anyway.
const DEPENDENT_USERS: &str = "
    SELECT quote_ident(rolname) AS text
    FROM pg_roles, pg_database, coalesce(datacl, acldefault('d', datdba)) AS acl
    WHERE datname = current_database() AND rolcanlogin AND NOT rolsuper
      AND NOT pg_has_role(pg_roles.oid, (SELECT oid FROM pg_roles WHERE rolname = $1), 'USAGE')
      AND NOT EXISTS (SELECT FROM aclexplode(acl) WHERE privilege_type = 'CONNECT'
                      AND grantee <> 0 AND pg_has_role(pg_roles.oid, grantee, 'USAGE'))
    ORDER BY 1";

/// Grants the serving role the privilege to connect, and revokes it from PUBLIC if nobody loses it.
/// Returns advice if it cannot be revoked.
pub(super) fn restrict(
    connection: &mut PgConnection,
    role: &ServingRole,
) -> QueryResult<Option<String>> {
    let query = sql_query(CONNECT).bind::<Text, _>(role.name());
    let connect: ConnectRow = query.get_result(connection)?;
    let database = &connect.database;
    let grant = format!("GRANT CONNECT ON DATABASE {database} TO {role};");
    let revoke = format!("REVOKE CONNECT ON DATABASE {database} FROM PUBLIC;");
    if connect.is_owner && !connect.is_granted {
        connection.batch_execute(&grant)?;
    }
    if !connect.is_public {
        return Ok(None);
    }
    if !connect.is_owner {
        return Ok(Some(format!(
            "every user of this PostgreSQL can connect to the database {database}. Its owner can \
             run: {grant} {revoke}"
        )));
    }
    let users = texts(connection, DEPENDENT_USERS, role.name())?;
    if users.is_empty() {
        connection.batch_execute(&revoke)?;
        return Ok(None);
    }
    let (named, rest) = users.split_at(users.len().min(MAX_NAMES));
    let named = named.join(", ");
    let more = if rest.is_empty() { "" } else { " and others" };
    Ok(Some(format!(
        "every user of this PostgreSQL can connect to the database {database}, also {named}{more}. \
         Grant CONNECT to those that need it, then run: {revoke}"
    )))
}
