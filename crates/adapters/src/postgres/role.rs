//! The role that serves: what it may do, and what more the server was given.

use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use diesel::sql_types::{Bool, Text};
use diesel::{QueryableByName, sql_query};

use super::connect::{ConnectError, connect};

/// The role with the rights that serving needs, and no other. The migrations make it, or whoever
/// may make roles does before they run.
pub const SERVING_ROLE: &str = "fleet_devices_serving";

/// What the user of a database's URL may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// Its name.
    pub user: String,
    /// Whether its connections can give up every right but those of [`SERVING_ROLE`].
    pub can_serve_only: bool,
    /// What it may do beyond what serving needs, in words.
    pub excess: Vec<String>,
}

#[derive(QueryableByName)]
struct Held {
    #[diesel(sql_type = Text)]
    rights: String,
    #[diesel(sql_type = Bool)]
    held: bool,
}

/// What serving never does. A superuser holds them all, as does an owner of the tables.
const EXCESS: &str = "
    SELECT * FROM (VALUES
        ('is a superuser',
            (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)),
        ('may create roles',
            (SELECT rolcreaterole FROM pg_roles WHERE rolname = current_user)),
        ('may create tables',
            has_schema_privilege('public', 'CREATE')),
        ('may delete or truncate devices',
            has_table_privilege('devices', 'DELETE, TRUNCATE')),
        ('may change the audit trail',
            has_any_column_privilege('device_events', 'UPDATE')
            OR has_table_privilege('device_events', 'DELETE, TRUNCATE')),
        ('may make workspaces and keys',
            has_any_column_privilege('workspaces', 'INSERT')
            OR has_any_column_privilege('api_keys', 'INSERT'))
    ) AS excess (rights, held)";

/// What the user of `url` may do in its database, whose schema must be up to date.
///
/// # Errors
/// Where there is no connection, or the database does not answer.
pub fn rights(url: &str) -> Result<Rights, ConnectError> {
    let mut connection = connect(url)?;
    let user: String = diesel::select(diesel::dsl::sql::<Text>("current_user::text"))
        .get_result(&mut connection)?;
    let held: Vec<Held> = sql_query(EXCESS).load(&mut connection)?;
    let excess = held.into_iter().filter(|right| right.held);
    let excess = excess.map(|right| right.rights).collect();
    // A role that was made after the migrations ran was given nothing.
    let assume = format!("SET ROLE {SERVING_ROLE}; SELECT FROM devices, device_events LIMIT 0");
    Ok(Rights {
        user,
        can_serve_only: connection.batch_execute(&assume).is_ok(),
        excess,
    })
}
