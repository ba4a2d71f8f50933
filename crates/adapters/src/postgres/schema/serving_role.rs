//! The role that serves: what it may do, and what more the server was given.

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::result::Error as DieselError;
use diesel::sql_types::{Bool, Text};
use diesel::{Connection, QueryResult, QueryableByName, RunQueryDsl, sql_query};

use crate::postgres::connection::connect::{ConnectError, connect};

/// The role with the rights that serving needs, and no other. [`migrate`](super::migrate) makes it,
/// or whoever may make roles does beforehand.
pub const SERVING_ROLE: &str = "fleet_devices_serving";

/// What the user of a database's URL may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolePrivileges {
    /// Its name.
    pub user: String,
    /// What keeps its connections from giving up every right but those of [`SERVING_ROLE`], and what
    /// to do about it, in words.
    pub cannot_assume_role: Option<&'static str>,
    /// What it may do beyond what serving needs, in words.
    pub surplus: Vec<String>,
}

impl RolePrivileges {
    /// Whether its connections can give up every right but those of [`SERVING_ROLE`].
    pub fn can_assume_role(&self) -> bool {
        self.cannot_assume_role.is_none()
    }
}

/// Makes the role, as far as this user may, and gives it its rights, if the tables are his.
pub(crate) fn prepare(connection: &mut PgConnection) -> QueryResult<()> {
    let is_owner = sql::<Bool>(
        "EXISTS (SELECT FROM pg_class WHERE oid = to_regclass('devices') \
                 AND pg_has_role(relowner, 'USAGE'))",
    );
    match diesel::select(is_owner).get_result(connection)? {
        true => connection.batch_execute(include_str!("serving_role.sql")),
        false => Ok(()),
    }
}

#[derive(QueryableByName)]
struct Held {
    #[diesel(sql_type = Text)]
    rights: String,
    #[diesel(sql_type = Bool)]
    held: bool,
}

/// What serving never does. A superuser holds them all, as does an owner of the tables. Of who logged in:
/// a role that his sessions begin with can be put off again.
const EXCESS: &str = "
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
            OR has_table_privilege(session_user, 'device_events', 'DELETE, TRUNCATE')),
        ('may make workspaces and keys',
            has_any_column_privilege(session_user, 'workspaces', 'INSERT')
            OR has_any_column_privilege(session_user, 'api_keys', 'INSERT'))
    ) AS excess (rights, held)";

/// What the user of `url` may do in its database, whose schema must be up to date.
///
/// # Errors
/// Where there is no connection, or the database does not answer.
pub fn role_privileges(url: &str) -> Result<RolePrivileges, ConnectError> {
    let mut connection = connect(url)?;
    let user: String =
        diesel::select(sql::<Text>("session_user::text")).get_result(&mut connection)?;
    let held: Vec<Held> = sql_query(EXCESS).load(&mut connection)?;
    let excess = held.into_iter().filter(|right| right.held);
    Ok(RolePrivileges {
        user,
        surplus: excess.map(|right| right.rights).collect(),
        cannot_assume_role: cannot_assume_role(&mut connection)?,
    })
}

fn cannot_assume_role(connection: &mut PgConnection) -> QueryResult<Option<&'static str>> {
    let exists = format!("to_regrole('{SERVING_ROLE}') IS NOT NULL");
    if !diesel::select(sql::<Bool>(&exists)).get_result(connection)? {
        return Ok(Some(
            "there is no such role: create it, and run `devices-api migrate` as the tables' owner",
        ));
    }
    let mut obstacle = None;
    // Rolled back: behind a pooler another client is the next to use the session.
    let tried = connection.transaction::<(), _, _>(|connection| {
        let set_role = format!("SET LOCAL ROLE {SERVING_ROLE}");
        // A role that was made after the migrations ran was given nothing yet.
        let reads =
            "SELECT FROM devices, device_documents, device_events, idempotency_keys LIMIT 0";
        if connection.batch_execute(&set_role).is_err() {
            obstacle = Some("the database's user is no member of it: grant it to him");
        } else if connection.batch_execute(reads).is_err() {
            obstacle = Some("it has no rights: run `devices-api migrate` as the tables' owner");
        }
        Err(DieselError::RollbackTransaction)
    });
    match tried {
        Ok(()) | Err(DieselError::RollbackTransaction) => Ok(obstacle),
        Err(error) => Err(error),
    }
}
