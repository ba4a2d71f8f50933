//! Keeps customers' values out of PostgreSQL's own log.
//!
//! Every statement has bound parameters, so its text contains no values. These settings add them:
//!
//! - `log_error_verbosity` logs DETAIL (`Key (email)=(ada@example.com) already exists`, and the
//!   parameters of statements that `log_statement` or `log_min_duration_statement` log) and CONTEXT
//!   (`COPY devices, line 1, column name: "Ada's laptop"`), unless it is `terse`.
//! - `auto_explain` logs plans, and `pgaudit.log_parameter` parameters, in the message itself.
//!
//! Only a superuser may set them, or from PostgreSQL 15 on a role with SET on the parameter.
//! <https://www.postgresql.org/docs/current/runtime-config-logging.html>

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::Text;
use diesel::{QueryResult, QueryableByName, RunQueryDsl, sql_query};

use crate::postgres::connection::connect::{ConnectError, connect};
use crate::postgres::connection::options::DatabaseOptions;
use crate::postgres::connection::session;

/// Sets `log_error_verbosity` for a session, if its user may.
pub(crate) const SET_TERSE: &str = "DO $$ BEGIN \
         PERFORM set_config('log_error_verbosity', 'terse', false); \
     EXCEPTION WHEN insufficient_privilege THEN NULL; END $$";

/// Sets `log_error_verbosity` for all later sessions of the database, if this user may.
pub(crate) fn prepare(connection: &mut PgConnection) -> QueryResult<()> {
    connection.batch_execute(
        "DO $$ BEGIN \
             IF current_setting('log_error_verbosity') <> 'terse' THEN \
                 EXECUTE format('ALTER DATABASE %I SET log_error_verbosity = terse', \
                                current_database()); \
             END IF; \
         EXCEPTION WHEN insufficient_privilege THEN NULL; END $$",
    )
}

#[derive(QueryableByName)]
struct StatementRow {
    #[diesel(sql_type = Text)]
    statement: String,
}

/// Returns the statements, for a superuser, that keep values of the server's statements out of the
/// log of the database at `url`. Returns none if no value reaches the log.
///
/// # Errors
/// If the connection or the query fails.
pub fn log_privacy_sql(url: &str, options: &DatabaseOptions) -> Result<Vec<String>, ConnectError> {
    let mut connection = connect(url)?;
    session::prepare(&mut connection, options)?;
    let statements: Vec<StatementRow> = sql_query(
        "SELECT format('ALTER DATABASE %I SET %s = %L', current_database(), name, safe) \
                    AS statement \
         FROM (VALUES ('log_error_verbosity', 'terse'), ('auto_explain.log_min_duration', '-1'), \
                      ('pgaudit.log_parameter', 'off')) AS setting (name, safe) \
         WHERE coalesce(current_setting(name, true), safe) <> safe",
    )
    .load(&mut connection)?;
    Ok(statements.into_iter().map(|row| row.statement).collect())
}
