//! Parts of SQL statements.

pub(crate) mod columns;
pub(crate) mod json_object;
pub(crate) mod pagination;
pub(crate) mod search_sql;
pub(crate) mod statement;
pub(crate) mod tsvector;
pub(crate) mod updated_at;
