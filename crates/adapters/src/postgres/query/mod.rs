//! Parts of SQL statements.

pub(crate) mod columns;
pub(crate) mod index_queries;
pub(crate) mod jsonb;
pub(crate) mod length_prefix;
pub(crate) mod list_size;
pub(crate) mod local_settings;
pub(crate) mod pagination;
pub(crate) mod positional;
pub(crate) mod prepared;
pub(crate) mod search_sql;
pub(crate) mod statement;
pub(crate) mod tsvector;
pub(crate) mod updated_at;
