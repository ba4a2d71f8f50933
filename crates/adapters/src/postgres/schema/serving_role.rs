//! The serving role: its privileges, and the surplus privileges of the login role.

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::result::Error as DieselError;
use diesel::sql_types::{Bool, Text};
use diesel::{Connection, QueryResult, QueryableByName, RunQueryDsl, sql_query};

use crate::postgres::connection::connect::{ConnectError, connect};

/// Role with the privileges that serving needs, and no others. Created by
/// [`migrate`](super::migrations::migrate), or beforehand by a user that may create roles.
pub const SERVING_ROLE: &str = "fleet_devices_serving";

/// Privileges of the user in a database URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolePrivileges {
    /// Name of the user.
    pub user: String,
    /// Reason why its connections cannot switch to [`SERVING_ROLE`], with a remedy. `None` if they
    /// can.
    pub cannot_assume_role: Option<&'static str>,
    /// Descriptions of the privileges that serving does not need.
    pub surplus: Vec<String>,
}

impl RolePrivileges {
    /// Returns whether connections can switch to [`SERVING_ROLE`], and so give up all other
    /// privileges.
    pub fn can_assume_role(&self) -> bool {
        self.cannot_assume_role.is_none()
    }
}

/// Creates the serving role and grants its privileges, as far as this user may. Does nothing unless
/// the user owns the tables.
pub(crate) fn prepare(connection: &mut PgConnection) -> QueryResult<()> {
    let is_owner = sql::<Bool>(
        "EXISTS (SELECT FROM pg_class WHERE oid = to_regclass('devices') \
                 AND pg_has_role(relowner, 'USAGE'))",
    );
    if diesel::select(is_owner).get_result(connection)? {
        connection.batch_execute(include_str!("serving_role.sql"))?;
    }
    Ok(())
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
            has_any_column_privilege(session_user, 'device_events', 'UPDATE')
            OR has_table_privilege(session_user, 'device_events', 'DELETE, TRUNCATE')
            OR has_any_column_privilege(session_user, 'audit_events', 'UPDATE')
            OR has_table_privilege(session_user, 'audit_events', 'DELETE, TRUNCATE')),
        ('may create workspaces and keys',
            has_any_column_privilege(session_user, 'workspaces', 'INSERT')
            OR has_any_column_privilege(session_user, 'api_keys', 'INSERT'))
    ) AS surplus (description, is_granted)";

/// Returns the privileges of the user in `url`. The schema of the database must be up to date.
///
/// # Errors
/// If the connection or a query fails.
pub fn role_privileges(url: &str) -> Result<RolePrivileges, ConnectError> {
    let mut connection = connect(url)?;
    let user: String =
        diesel::select(sql::<Text>("session_user::text")).get_result(&mut connection)?;
    let privileges: Vec<PrivilegeRow> = sql_query(SURPLUS).load(&mut connection)?;
    let surplus = privileges.into_iter().filter(|row| row.is_granted);
    Ok(RolePrivileges {
        user,
        surplus: surplus.map(|row| row.description).collect(),
        cannot_assume_role: cannot_assume_role(&mut connection)?,
    })
}

fn cannot_assume_role(connection: &mut PgConnection) -> QueryResult<Option<&'static str>> {
    let exists = format!("to_regrole('{SERVING_ROLE}') IS NOT NULL");
    if !diesel::select(sql::<Bool>(&exists)).get_result(connection)? {
        return Ok(Some(
            "it does not exist: create it, then run `devices-api migrate` as the owner of the \
             tables",
        ));
    }
    let mut reason = None;
    #[expect(clippy::disallowed_methods, reason = "never commits")]
    // Rolled back: behind a transaction pooler, the next client continues on this session.
    let rolled_back = connection.transaction::<(), _, _>(|connection| {
        let set_role = format!("SET LOCAL ROLE {SERVING_ROLE}");
        // A role that was created after the migrations ran has no privileges yet.
        let reads =
            "SELECT FROM devices, searchable_devices, device_events, idempotency_keys LIMIT 0";
        if connection.batch_execute(&set_role).is_err() {
            reason =
                Some("the user in the database URL is not a member of it: grant it to that user");
        } else if connection.batch_execute(reads).is_err() {
            reason =
                Some("it has no privileges: run `devices-api migrate` as the owner of the tables");
        }
        Err(DieselError::RollbackTransaction)
    });
    match rolled_back {
        Ok(()) | Err(DieselError::RollbackTransaction) => Ok(reason),
        Err(error) => Err(error),
    }
}
