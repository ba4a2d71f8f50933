//! The login role of the server: a member of the serving role, and of nothing else.

use diesel::connection::{InstrumentationEvent, SimpleConnection};
use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::result::Error as DieselError;
use diesel::sql_types::Bool;
use diesel::{Connection, QueryResult, RunQueryDsl};
use postgres_protocol::password::scram_sha_256;

use crate::postgres::connection::connect::{ConnectError, connect};
use crate::postgres::connection::trace::TraceStatements;
use crate::postgres::schema::migrations::lock;
use crate::postgres::schema::serving_role::grants::texts;
use crate::postgres::schema::serving_role::name::{ServingRole, quote_identifier};

/// Change that [`set_login_role`] made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginRoleChange {
    /// The role did not exist.
    Created,
    /// The role existed, and has the new password.
    Updated,
}

/// Reason why the login role cannot serve. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum LoginRoleError {
    /// The connection failed.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The role exists, and may do more than serve. Contains the reasons.
    #[error(
        "the login role exists and may do more than serve: it {}. Choose a role for the server \
         alone",
        .0.join(", ")
    )]
    Surplus(Vec<String>),
    /// This user may not create or grant roles. Contains the statements to run.
    #[error(
        "the user in DEVICES__DATABASE__URL may not create or grant these roles ({problem}). Run as \
         a user that may: {statements} Set the password with \\password in psql"
    )]
    NotPermitted {
        /// PostgreSQL's message.
        problem: String,
        /// Statements that create and grant the roles, without the password.
        statements: String,
    },
}

impl From<DieselError> for LoginRoleError {
    fn from(error: DieselError) -> Self {
        Self::Connect(error.into())
    }
}

/// Creates the role `login` with this password as a member of the serving role of the database at
/// `url`, or sets the password of an existing one and makes it a member.
///
/// PostgreSQL receives a SCRAM verifier: neither its log nor its statistics have the password.
/// Requires a superuser or CREATEROLE. Safe to repeat, and when several processes run it at once.
///
/// # Errors
/// If the role has attributes or objects of its own or other memberships, or if this user may not
/// create or grant roles. Privileges that were granted to the role itself are not looked for.
pub fn set_login_role(
    url: &str,
    serving_role: Option<&str>,
    login: &str,
    password: &str,
) -> Result<LoginRoleChange, LoginRoleError> {
    let mut connection = connect(url)?;
    lock(&mut connection)?;
    let serving_role = ServingRole::resolve(&mut connection, serving_role)?;
    let exists = "SELECT rolname::text AS text FROM pg_roles WHERE rolname = $1";
    let change = if texts(&mut connection, exists, login)?.is_empty() {
        LoginRoleChange::Created
    } else {
        LoginRoleChange::Updated
    };
    reject_surplus(&mut connection, &serving_role, login)?;
    let role = quote_identifier(login);
    let statements = match change {
        LoginRoleChange::Created => {
            format!("CREATE ROLE {role} LOGIN; GRANT {serving_role} TO {role};")
        }
        LoginRoleChange::Updated => format!("GRANT {serving_role} TO {role};"),
    };
    // One message, so one transaction.
    let with_password = format!(
        "{statements} ALTER ROLE {role} PASSWORD '{}'",
        scram_sha_256(password.as_bytes())
    );
    let set = without_trace(&mut connection, |connection| {
        connection.batch_execute(&with_password)
    });
    set.map_err(|error| not_permitted(error, &mut connection, statements))?;
    Ok(change)
}

/// Runs work whose statements contain a secret, and so must not be logged.
fn without_trace<T>(connection: &mut PgConnection, work: impl FnOnce(&mut PgConnection) -> T) -> T {
    connection.set_instrumentation(|_: InstrumentationEvent<'_>| {});
    let result = work(connection);
    connection.set_instrumentation(TraceStatements);
    result
}

/// Rejects an existing role that is more than a login for the server. Its password would otherwise
/// become that of a person, or give the server more than the serving role.
fn reject_surplus(
    connection: &mut PgConnection,
    serving_role: &ServingRole,
    login: &str,
) -> Result<(), LoginRoleError> {
    const ATTRIBUTES: &str = "
        SELECT reason AS text FROM pg_roles CROSS JOIN LATERAL (VALUES
            ('is the user of DEVICES__DATABASE__URL', rolname IN (session_user, current_user)),
            ('is a superuser', rolsuper),
            ('may create roles', rolcreaterole),
            ('may create databases', rolcreatedb),
            ('may replicate', rolreplication),
            ('ignores row-level security', rolbypassrls),
            ('may not log in', NOT rolcanlogin),
            ('owns objects', EXISTS (SELECT FROM pg_shdepend
                                     WHERE refclassid = 'pg_authid'::regclass
                                       AND refobjid = pg_roles.oid AND deptype = 'o'))
        ) AS surplus (reason, applies)
        WHERE rolname = $1 AND applies";
    const MEMBERSHIPS: &str = "
        SELECT granted.rolname::text AS text FROM pg_auth_members
        JOIN pg_roles AS granted ON granted.oid = roleid
        WHERE member = (SELECT oid FROM pg_roles WHERE rolname = $1) ORDER BY 1";
    let mut surplus = texts(connection, ATTRIBUTES, login)?;
    let memberships = texts(connection, MEMBERSHIPS, login)?;
    let others = memberships
        .iter()
        .filter(|granted| granted.as_str() != serving_role.name());
    surplus.extend(others.map(|granted| format!("is a member of {}", quote_identifier(granted))));
    if surplus.is_empty() {
        Ok(())
    } else {
        Err(LoginRoleError::Surplus(surplus))
    }
}

/// Returns the statements to run if the user may not run them. From PostgreSQL 16 on, CREATEROLE
/// alone does not suffice for roles that others created: that takes ADMIN OPTION.
/// <https://www.postgresql.org/docs/16/role-attributes.html>
fn not_permitted(
    error: DieselError,
    connection: &mut PgConnection,
    statements: String,
) -> LoginRoleError {
    let is_superuser = sql::<Bool>("(SELECT rolsuper FROM pg_roles WHERE rolname = current_user)");
    let is_superuser: QueryResult<bool> = diesel::select(is_superuser).get_result(connection);
    match error {
        DieselError::DatabaseError(_, information) if is_superuser == Ok(false) => {
            LoginRoleError::NotPermitted {
                problem: information.message().to_owned(),
                statements,
            }
        }
        error => error.into(),
    }
}
