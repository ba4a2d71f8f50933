//! The serving role: its name, its privileges, and the surplus privileges of the login role.

mod connect_privilege;
pub(crate) mod grants;
pub(crate) mod login;
mod name;

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::result::Error as DieselError;
use diesel::sql_types::{Bool, Text};
use diesel::{Connection, QueryResult, QueryableByName, RunQueryDsl, sql_query};

use crate::postgres::connection::connect::{ConnectError, connect};
use crate::postgres::connection::error::classify;
pub(crate) use name::ServingRole;
use name::quote_identifier;

/// Privileges of the user in a database URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolePrivileges {
    /// Name of the user.
    pub user: String,
    /// Serving role of the database, as an SQL identifier.
    pub serving_role: String,
    /// Reason why its connections cannot switch to the serving role, with a remedy. `None` if they
    /// can.
    pub cannot_assume_role: Option<String>,
    /// Descriptions of the privileges that serving does not need.
    pub surplus: Vec<String>,
}

impl RolePrivileges {
    /// Returns whether connections can switch to the serving role, and so give up all other
    /// privileges.
    pub fn can_assume_role(&self) -> bool {
        self.cannot_assume_role.is_none()
    }
}

#[derive(QueryableByName)]
struct PrivilegeRow {
    #[diesel(sql_type = Text)]
    description: String,
    #[diesel(sql_type = Bool)]
    is_granted: bool,
}

/// Privileges that serving never uses. A superuser has all of them, and the owner of the tables has
/// those on tables. The query checks `session_user`, the login role: a session can always reset a
/// role that it started with.
const SURPLUS: &str = "
    SELECT * FROM (VALUES
        ('is a superuser',
            (SELECT rolsuper FROM pg_roles WHERE rolname = session_user)),
        ('may create roles',
            (SELECT rolcreaterole FROM pg_roles WHERE rolname = session_user)),
        ('may create tables',
            has_schema_privilege(session_user, 'public', 'CREATE')),
        ('may delete or truncate devices',
            has_table_privilege(session_user, 'devices', 'DELETE, TRUNCATE')),
        ('may change the audit trail',
            -- Serving numbers events.
            EXISTS (SELECT FROM pg_attribute
                    WHERE attrelid = 'device_events'::regclass AND attnum > 0
                      AND NOT attisdropped AND attname <> 'feed_position'
                      AND has_column_privilege(session_user, attrelid, attnum, 'UPDATE'))
            OR has_table_privilege(session_user, 'device_events', 'DELETE, TRUNCATE')
            OR has_any_column_privilege(session_user, 'audit_events', 'UPDATE')
            OR has_table_privilege(session_user, 'audit_events', 'DELETE, TRUNCATE')),
        ('may create workspaces',
            has_any_column_privilege(session_user, 'workspaces', 'INSERT')),
        ('may change the secrets and scopes of keys',
            EXISTS (SELECT FROM pg_attribute
                    WHERE attrelid = 'api_keys'::regclass AND attnum > 0 AND NOT attisdropped
                      AND attname NOT IN ('last_used_at', 'revoked_at', 'retires_at')
                      AND has_column_privilege(session_user, attrelid, attnum, 'UPDATE')))
    ) AS surplus (description, is_granted)";

/// Returns the privileges of the user in `url`. The schema of the database must be up to date.
///
/// The name of the serving role is `configured` or, if that is `None`, derived from the name of the
/// database.
///
/// # Errors
/// If the connection or a query fails.
pub fn role_privileges(
    url: &str,
    configured: Option<&str>,
) -> Result<RolePrivileges, ConnectError> {
    let mut connection = connect(url)?;
    let user: String =
        diesel::select(sql::<Text>("session_user::text")).get_result(&mut connection)?;
    let privileges: Vec<PrivilegeRow> = sql_query(SURPLUS).load(&mut connection)?;
    let surplus = privileges.into_iter().filter(|row| row.is_granted);
    let role = ServingRole::resolve(&mut connection, configured)?;
    Ok(RolePrivileges {
        surplus: surplus.map(|row| row.description).collect(),
        cannot_assume_role: cannot_assume_role(&mut connection, &role, &user)?,
        serving_role: role.to_string(),
        user,
    })
}

/// Tables that the serving role must be able to read, one per statement: a cluster joins them only
/// by workspace.
const READ_TABLES: [&str; 4] = [
    "devices",
    "searchable_devices",
    "device_events",
    "idempotency_keys",
];

fn cannot_assume_role(
    connection: &mut PgConnection,
    role: &ServingRole,
    user: &str,
) -> QueryResult<Option<String>> {
    let exists = sql::<Bool>("EXISTS (SELECT FROM pg_roles WHERE rolname = ")
        .bind::<Text, _>(role.name())
        .sql(")");
    if !diesel::select(exists).get_result(connection)? {
        return Ok(Some(
            "it does not exist: run `devices-api migrate` as the owner of the tables".to_owned(),
        ));
    }
    let mut reason = None;
    #[expect(clippy::disallowed_methods, reason = "never commits")]
    // Rolled back: behind a transaction pooler, the next client continues on this session.
    let rolled_back = connection.transaction::<(), _, _>(|connection| {
        let set_role = format!("SET LOCAL ROLE {role}");
        // A role that was created after the migrations ran has no privileges yet.
        let reads = READ_TABLES
            .map(|table| format!("SELECT FROM {table} LIMIT 0"))
            .join(";");
        if connection.batch_execute(&set_role).is_err() {
            let user = quote_identifier(user);
            reason = Some(format!(
                "the user in the database URL is not a member of it: run GRANT {role} TO {user}"
            ));
        } else if let Err(error) = connection.batch_execute(&reads) {
            reason = Some(format!(
                "it cannot read the tables ({}): run `devices-api migrate` as the owner of the \
                 tables, and on a cluster let the role connect to all nodes",
                classify(error)
            ));
        }
        Err(DieselError::RollbackTransaction)
    });
    match rolled_back {
        Ok(()) | Err(DieselError::RollbackTransaction) => Ok(reason),
        Err(error) => Err(error),
    }
}
