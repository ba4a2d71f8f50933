//! The row of a key, and the condition for an active one.

use chrono::{DateTime, Utc};
use devices_domain::{ApiKey, KeyId, RepositoryError, Scope, WorkspaceId};
use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::postgres::schema::tables::api_keys;

/// A row of `api_keys`, without the hash of the secret.
#[derive(Queryable, Selectable)]
#[diesel(table_name = api_keys)]
pub(crate) struct KeyRow {
    pub(crate) id: i64,
    workspace_id: i64,
    name: String,
    secret_prefix: Option<String>,
    scope: String,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    retires_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
}

impl TryFrom<KeyRow> for ApiKey {
    type Error = RepositoryError;

    fn try_from(row: KeyRow) -> Result<Self, Self::Error> {
        Ok(Self {
            id: KeyId(row.id),
            workspace_id: WorkspaceId(row.workspace_id),
            name: row.name,
            secret_prefix: row.secret_prefix,
            scope: parse_scope(&row.scope)?,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            retires_at: row.retires_at,
            last_used_at: row.last_used_at,
        })
    }
}

/// Parses a stored scope.
///
/// # Errors
/// If this version does not know the scope: a newer version, or another program, stored it.
pub(crate) fn parse_scope(stored: &str) -> Result<Scope, RepositoryError> {
    Scope::from_name(stored)
        .ok_or_else(|| RepositoryError::Failed("a key has an unknown scope".into()))
}

/// SQL condition for an active key: neither revoked, nor expired, nor retired.
pub(crate) const IS_ACTIVE: &str = "revoked_at IS NULL \
    AND (expires_at IS NULL OR expires_at > now()) AND (retires_at IS NULL OR retires_at > now())";

/// Returns [`IS_ACTIVE`] as an expression.
pub(crate) fn is_active() -> SqlLiteral<Bool> {
    sql(IS_ACTIVE)
}
