//! Statements whose results are decoded by position.

use std::marker::PhantomData;

use diesel::backend::Backend;
use diesel::pg::{Pg, PgConnection};
use diesel::query_builder::{AstPass, Query, QueryBuilder, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::{RunQueryDsl, Selectable};

use super::prepared::PreparedSql;

/// A statement whose result has the columns of `ST`, in this order. Diesel decodes the results of
/// its own queries in this way. It decodes those of handwritten statements by name, which searches
/// all columns for each of them.
#[must_use = "a statement runs only when it is loaded or executed"]
pub(crate) struct Positional<'f, ST> {
    query: PreparedSql<'f>,
    sql_type: PhantomData<ST>,
}

impl<'f, ST> Positional<'f, ST> {
    pub(crate) fn new(query: PreparedSql<'f>) -> Self {
        Self {
            query,
            sql_type: PhantomData,
        }
    }
}

impl<ST> QueryFragment<Pg> for Positional<'_, ST> {
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.query.walk_ast(pass)
    }

    fn is_safe_to_cache_prepared(&self, backend: &Pg) -> QueryResult<bool> {
        self.query.is_safe_to_cache_prepared(backend)
    }
}

impl<ST> QueryId for Positional<'_, ST> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<ST> Query for Positional<'_, ST> {
    type SqlType = ST;
}

impl<ST> RunQueryDsl<PgConnection> for Positional<'_, ST> {}

/// Returns the SQL of the columns of a row struct.
///
/// # Panics
/// If Diesel cannot write the SQL. The columns of a table are always possible.
pub(crate) fn column_list<T>() -> String
where
    T: Selectable<Pg, SelectExpression: QueryFragment<Pg>>,
{
    let mut sql = <Pg as Backend>::QueryBuilder::default();
    T::construct_selection()
        .to_sql(&mut sql, &Pg)
        .expect("columns of a table are valid SQL");
    sql.finish()
}
