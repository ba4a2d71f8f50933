//! Settings of a session, and how a connection gets them.

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::Text;
use diesel::{QueryResult, QueryableByName, RunQueryDsl, sql_query};

use crate::postgres::connection::connect::{ConnectError, connect};
use crate::postgres::connection::options::{DatabaseOptions, SessionSettings};
use crate::postgres::schema::server_log;
use crate::postgres::schema::serving_role::ServingRole;

/// Applies the session settings to `connection`. If they are stored with its role, checks them
/// instead, and returns instructions if one is missing.
pub(crate) fn prepare(
    connection: &mut PgConnection,
    options: &DatabaseOptions,
) -> QueryResult<Option<String>> {
    match options.session {
        SessionSettings::PerConnection { serve_only } => {
            let settings = settings(options).map(|(name, value)| format!("SET {name} = '{value}'"));
            let mut statements = vec![server_log::SET_TERSE.to_owned()];
            statements.extend(settings);
            statements.extend(KEPT_PLANS.map(ToOwned::to_owned));
            if serve_only {
                let role = ServingRole::resolve(connection, options.serving_role.as_deref())?;
                statements.push(format!("SET ROLE {role}"));
            }
            connection.batch_execute(&statements.join(";"))?;
            Ok(None)
        }
        SessionSettings::PerRole => missing_role_settings(connection, options),
        SessionSettings::Unmanaged => Ok(None),
    }
}

/// Returns instructions with the SQL that stores missing settings with the role of `url`. Returns
/// `None` if nothing is missing, or if the settings are not [stored with the
/// role](SessionSettings::PerRole).
///
/// # Errors
/// If the connection or the query fails.
pub fn missing_settings_sql(
    url: &str,
    options: &DatabaseOptions,
) -> Result<Option<String>, ConnectError> {
    match options.session {
        SessionSettings::PerRole => Ok(missing_role_settings(&mut connect(url)?, options)?),
        SessionSettings::PerConnection { .. } | SessionSettings::Unmanaged => Ok(None),
    }
}

/// Settings for the plans of prepared statements (ADR 34).
const KEPT_PLANS: [&str; 2] = [
    // A plan from when a table was small must not read all of the table once it is large.
    "SET enable_seqscan = off",
    // `force_custom_plan` would also apply to foreign key checks, and plan both checks of each
    // inserted row.
    "SET plan_cache_mode = auto",
];

/// Returns the settings and their values, in the format of `pg_settings`.
fn settings(options: &DatabaseOptions) -> [(&'static str, String); 6] {
    let statement_timeout = options.statement_timeout.as_millis().to_string();
    [
        ("statement_timeout", statement_timeout.clone()),
        ("lock_timeout", options.lock_timeout.as_millis().to_string()),
        // Ends a transaction whose client is gone without closing the connection, and so releases
        // its locks.
        ("idle_in_transaction_session_timeout", statement_timeout),
        // No statement here runs long enough for JIT compilation to pay off.
        ("jit", "off".to_owned()),
        // A transaction that loses a race must see the winner's rows, whatever isolation level the
        // database has as its default.
        ("default_transaction_isolation", "read committed".to_owned()),
        // PostgreSQL's log must not contain the parameters of failed statements.
        ("log_parameter_max_length_on_error", "0".to_owned()),
    ]
}

#[derive(QueryableByName)]
struct StatementRow {
    #[diesel(sql_type = Text)]
    statement: String,
}

fn missing_role_settings(
    connection: &mut PgConnection,
    options: &DatabaseOptions,
) -> QueryResult<Option<String>> {
    let required = settings(options)
        .map(|(name, value)| format!("('{name}', '{value}')"))
        .join(", ");
    // The order matters: PostgreSQL accepts `SET role` only for members of that role.
    let missing = format!(
        "SELECT format('GRANT %I TO %I', rolname, session_user) AS statement \
         FROM pg_roles WHERE rolname = $1 AND NOT pg_has_role(session_user, oid, 'MEMBER') \
         UNION ALL \
         SELECT format('ALTER ROLE %I IN DATABASE %I SET %s = %L', \
                       session_user, current_database(), required.name, required.value) \
         FROM (VALUES {required}) AS required (name, value) \
         LEFT JOIN pg_settings ON pg_settings.name = required.name \
         WHERE pg_settings.setting IS DISTINCT FROM required.value \
         UNION ALL \
         SELECT format('ALTER ROLE %I IN DATABASE %I SET role = %L', \
                       session_user, current_database(), $1) \
         WHERE current_user <> $1"
    );
    let role = ServingRole::resolve(connection, options.serving_role.as_deref())?;
    let missing: Vec<StatementRow> = sql_query(missing)
        .bind::<Text, _>(role.name())
        .load(connection)?;
    if missing.is_empty() {
        return Ok(None);
    }
    let statements: Vec<String> = missing.into_iter().map(|row| row.statement).collect();
    Ok(Some(format!(
        "Behind a pooler, the session settings must be stored with the role. Run: {}; then let \
         the pooler reconnect (PgBouncer: RECONNECT).",
        statements.join("; ")
    )))
}
