//! Creates the serving role of a database and grants its privileges.

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::sql_types::{Bool, Text};
use diesel::{QueryResult, QueryableByName, RunQueryDsl, sql_query};

use crate::postgres::connection::connect::connect;
use crate::postgres::schema::migrations::{MigrationError, lock};
use crate::postgres::schema::serving_role::connect_privilege;
use crate::postgres::schema::serving_role::name::{PREFIX, ServingRole, quote_identifier};

/// Creates the serving role of the database at `url`, and grants it its privileges, as far as this
/// user may. Revokes the privileges of the serving roles of other databases here: this database may
/// be a copy of another, or have had another name. Does nothing unless the user owns the tables.
///
/// The name of the role is `configured` or, if that is `None`, derived from the name of the
/// database. Returns advice on what is left for an administrator, with the statements to run.
///
/// Safe to repeat, and when several processes start at the same time.
///
/// # Errors
/// If the connection or a statement fails, or if the default name is cut and another database has
/// the same.
pub fn grant_serving_role(
    url: &str,
    configured: Option<&str>,
) -> Result<Vec<String>, MigrationError> {
    let mut connection = connect(url)?;
    lock(&mut connection)?;
    let is_owner = sql::<Bool>(
        "EXISTS (SELECT FROM pg_class WHERE oid = to_regclass('devices') \
                 AND pg_has_role(relowner, 'USAGE'))",
    );
    if !diesel::select(is_owner).get_result(&mut connection)? {
        return Ok(Vec::new());
    }
    let role = ServingRole::resolve(&mut connection, configured)?;
    // Before PostgreSQL 15, every role may create tables in this schema.
    connection.batch_execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")?;
    if !create(&mut connection, &role)? {
        return Ok(vec![format!(
            "the serving role does not exist, and this user may not create it: run CREATE ROLE \
             {role} NOLOGIN; as a user that may create roles, then `devices-api migrate` again"
        )]);
    }
    let mut advice = shared_role_advice(&mut connection, &role)?;
    grant(&mut connection, &role)?;
    advice.extend(revoke_former_roles(&mut connection, &role)?);
    advice.extend(connect_privilege::restrict(&mut connection, &role)?);
    Ok(advice)
}

#[derive(QueryableByName)]
pub(super) struct TextRow {
    #[diesel(sql_type = Text)]
    pub(super) text: String,
}

/// Returns the column `text` of a query with the name of the role as `$1`.
pub(super) fn texts(
    connection: &mut PgConnection,
    query: &str,
    role: &str,
) -> QueryResult<Vec<String>> {
    let rows: Vec<TextRow> = sql_query(query).bind::<Text, _>(role).load(connection)?;
    Ok(rows.into_iter().map(|row| row.text).collect())
}

/// Creates the role if it does not exist. Returns `false` if the user may not.
fn create(connection: &mut PgConnection, role: &ServingRole) -> QueryResult<bool> {
    let exists = "SELECT rolname::text AS text FROM pg_roles WHERE rolname = $1";
    if !texts(connection, exists, role.name())?.is_empty() {
        return Ok(true);
    }
    let may_create = sql::<Bool>(
        "EXISTS (SELECT FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolcreaterole))",
    );
    if !diesel::select(may_create).get_result(connection)? {
        return Ok(false);
    }
    let created = connection.batch_execute(&format!("CREATE ROLE {role} NOLOGIN"));
    // If the name is configured, the owner of another database may create it at the same time.
    if created.is_err() && !texts(connection, exists, role.name())?.is_empty() {
        return Ok(true);
    }
    created.map(|()| true)
}

/// Grants all privileges in one transaction.
fn grant(connection: &mut PgConnection, role: &ServingRole) -> QueryResult<()> {
    // All columns but keys and creation times: an update never moves a row to another workspace,
    // and never changes its identity.
    let update_columns = "
        SELECT format('GRANT UPDATE (%s) ON %s TO %I;',
                      string_agg(quote_ident(attname), ', '), attrelid::regclass, $1) AS text
        FROM pg_attribute
        WHERE attrelid IN ('devices'::regclass, 'users'::regclass, 'devices_mdm'::regclass,
                           'search_documents'::regclass)
          AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
          AND attname NOT IN ('workspace_id', 'id', 'device_id', 'created_at')
        GROUP BY attrelid";
    let update_columns = texts(connection, update_columns, role.name())?.concat();
    let grants = include_str!("grants.sql").replace("{serving_role}", &role.to_string());
    connection.batch_execute(&(grants + &update_columns))?;
    // Lets the owner switch to the role, too. A superuser can anyway; others must be members. Has
    // no effect for an owner that may not grant the role.
    if connection
        .batch_execute(&format!("SET ROLE {role}"))
        .is_ok()
    {
        connection.batch_execute("RESET ROLE")
    } else {
        drop(connection.batch_execute(&format!("GRANT {role} TO CURRENT_USER")));
        Ok(())
    }
}

/// Returns advice if the role has privileges in other databases, too.
fn shared_role_advice(
    connection: &mut PgConnection,
    role: &ServingRole,
) -> Result<Vec<String>, MigrationError> {
    let databases = "
        SELECT DISTINCT quote_ident(datname) AS text FROM pg_shdepend
        JOIN pg_database ON pg_database.oid = dbid
        WHERE refclassid = 'pg_authid'::regclass AND deptype = 'a'
          AND refobjid = (SELECT oid FROM pg_roles WHERE rolname = $1)
          AND datname <> current_database() ORDER BY 1";
    let databases = texts(connection, databases, role.name())?.join(", ");
    if databases.is_empty() {
        return Ok(Vec::new());
    }
    let problem = format!(
        "the serving role {role} also has privileges in other databases ({databases}), so that its \
         members can read all of them: set DEVICES__DATABASE__SERVING_ROLE to a different name for \
         each, and run `devices-api migrate` for each"
    );
    if role.is_cut {
        return Err(MigrationError::Failed(problem.into()));
    }
    Ok(vec![problem])
}

/// Revokes the privileges of other serving roles in this database. Returns advice for the members
/// of those roles.
fn revoke_former_roles(
    connection: &mut PgConnection,
    role: &ServingRole,
) -> QueryResult<Vec<String>> {
    let former = format!(
        "SELECT rolname::text AS text FROM pg_roles
         WHERE rolname <> $1 AND (rolname = '{PREFIX}' OR starts_with(rolname, '{PREFIX}_'))
           AND EXISTS (
               SELECT FROM pg_shdepend
               JOIN pg_database ON datname = current_database()
                   AND (dbid = pg_database.oid
                        OR (classid = 'pg_database'::regclass AND objid = pg_database.oid))
               WHERE refclassid = 'pg_authid'::regclass AND refobjid = pg_roles.oid
                 AND deptype = 'a')"
    );
    let mut advice = Vec::new();
    let database = sql::<Text>("quote_ident(current_database())");
    let database: String = diesel::select(database).get_result(connection)?;
    for former in texts(connection, &former, role.name())? {
        let members = "
            SELECT quote_ident(member.rolname) AS text FROM pg_auth_members
            JOIN pg_roles AS member ON member.oid = pg_auth_members.member
            WHERE roleid = (SELECT oid FROM pg_roles WHERE rolname = $1)
              AND NOT rolsuper AND member.rolname <> current_user ORDER BY 1";
        let members = texts(connection, members, &former)?.join(", ");
        let former = quote_identifier(&former);
        connection.batch_execute(&format!(
            "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {former};
             REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {former};
             REVOKE ALL ON SCHEMA public FROM {former};"
        ))?;
        // Fails unless this user owns the database, too.
        let revoke = format!("REVOKE ALL ON DATABASE {database} FROM {former}");
        drop(connection.batch_execute(&revoke));
        if !members.is_empty() {
            advice.push(format!(
                "the role {former} has lost its privileges in this database. If its members \
                 ({members}) serve this database, run: GRANT {role} TO {members}; and restart their \
                 servers"
            ));
        }
    }
    Ok(advice)
}
