//! What holds for a session, and who sees to it.

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::Text;
use diesel::{QueryResult, QueryableByName, RunQueryDsl, sql_query};

use crate::postgres::connection::connect::{ConnectError, connect};
use crate::postgres::connection::database::DatabaseOptions;
use crate::postgres::schema::serving_role::SERVING_ROLE;

/// Who sees to the settings of a connection's session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionSettings {
    /// The connection, which has the session for itself.
    PerConnection {
        /// Whether it gives up every right but those of [`SERVING_ROLE`].
        serve_only: bool,
    },
    /// The role that it logs in as: what is set behind a pooler is lost, or meets another client. A
    /// connection without the settings, or with more rights than those of [`SERVING_ROLE`], is refused.
    PerRole,
    /// Nobody.
    Unmanaged,
}

/// Sees to it that `connection` has the session that it should; else says what to do.
pub(crate) fn prepare(
    connection: &mut PgConnection,
    options: &DatabaseOptions,
) -> QueryResult<Option<String>> {
    match options.session {
        SessionSettings::PerConnection { serve_only } => {
            let mut statements: String = settings(options)
                .map(|(name, value)| format!("SET {name} = '{value}';"))
                .concat();
            if serve_only {
                statements.push_str(&format!("SET ROLE {SERVING_ROLE}"));
            }
            connection.batch_execute(&statements)?;
            Ok(None)
        }
        SessionSettings::PerRole => remedy(connection, options),
        SessionSettings::Unmanaged => Ok(None),
    }
}

/// What must be done before connections to `url` can be used with these options, in words; nothing,
/// unless their session is to be [stored](SessionSettings::PerRole).
///
/// # Errors
/// Where there is no connection, or the database does not answer.
pub fn missing_settings_sql(
    url: &str,
    options: &DatabaseOptions,
) -> Result<Option<String>, ConnectError> {
    match options.session {
        SessionSettings::PerRole => Ok(remedy(&mut connect(url)?, options)?),
        SessionSettings::PerConnection { .. } | SessionSettings::Unmanaged => Ok(None),
    }
}

/// As `pg_settings` shows them.
fn settings(options: &DatabaseOptions) -> [(&'static str, String); 5] {
    let statement_timeout = options.statement_timeout.as_millis().to_string();
    [
        ("statement_timeout", statement_timeout.clone()),
        ("lock_timeout", options.lock_timeout.as_millis().to_string()),
        // A transaction whose client is gone without a word ends, and its locks with it.
        ("idle_in_transaction_session_timeout", statement_timeout),
        // No statement here runs for so long that compiling it pays.
        ("jit", "off".to_owned()),
        // Whoever loses a race must see the winner, whatever isolation the database has for its default.
        ("default_transaction_isolation", "read committed".to_owned()),
    ]
}

#[derive(QueryableByName)]
struct Statement {
    #[diesel(sql_type = Text)]
    statement: String,
}

fn remedy(connection: &mut PgConnection, options: &DatabaseOptions) -> QueryResult<Option<String>> {
    let wanted = settings(options)
        .map(|(name, value)| format!("('{name}', '{value}')"))
        .join(", ");
    // In this order: PostgreSQL stores a role only for its members.
    let missing = format!(
        "SELECT format('GRANT {SERVING_ROLE} TO %I', session_user) AS statement \
         WHERE NOT pg_has_role(session_user, to_regrole('{SERVING_ROLE}')::oid, 'MEMBER') \
         UNION ALL \
         SELECT format('ALTER ROLE %I IN DATABASE %I SET %s = %L', \
                       session_user, current_database(), wanted.name, wanted.value) \
         FROM (VALUES {wanted}) AS wanted (name, value) \
         LEFT JOIN pg_settings ON pg_settings.name = wanted.name \
         WHERE pg_settings.setting IS DISTINCT FROM wanted.value \
         UNION ALL \
         SELECT format('ALTER ROLE %I IN DATABASE %I SET role = %L', \
                       session_user, current_database(), '{SERVING_ROLE}') \
         WHERE current_user <> '{SERVING_ROLE}'"
    );
    let missing: Vec<Statement> = sql_query(missing).load(connection)?;
    if missing.is_empty() {
        return Ok(None);
    }
    let missing: Vec<String> = missing.into_iter().map(|row| row.statement).collect();
    Ok(Some(format!(
        "Behind a pooler the server's session settings belong to its role. Run: {}; then let the \
         pooler connect anew (PgBouncer: RECONNECT).",
        missing.join("; ")
    )))
}
