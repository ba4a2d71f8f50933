//! Statements that a connection keeps prepared (ADR 34).

use diesel::pg::{Pg, PgConnection};
use diesel::query_builder::{AstPass, BoxedSqlQuery, Query, QueryFragment, QueryId, SqlQuery};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::HasSqlType;
use diesel::{QueryableByName, RunQueryDsl};

/// Returns a statement that PostgreSQL parses and plans once per connection instead of at each
/// execution. Used like [`diesel::sql_query`], which is never prepared.
///
/// `text` must be one of a few texts, and its values must be [bound](PreparedQuery::bind): a
/// connection keeps every text that it was sent. The plan does not depend on the values, so a
/// statement whose best plan does, such as a search, must not be prepared.
///
/// A result must name its columns. PostgreSQL rejects the execution of a prepared `SELECT *` after
/// a migration has added a column.
pub(crate) fn prepared<'f>(text: impl Into<String>) -> PreparedSql<'f> {
    PreparedQuery(diesel::sql_query(text).into_boxed())
}

/// A query that Diesel keeps in its cache of prepared statements.
#[must_use = "a statement runs only when it is loaded or executed"]
pub(crate) struct PreparedQuery<Q>(Q);

/// A handwritten statement that Diesel keeps in its cache of prepared statements.
pub(crate) type PreparedSql<'f> = PreparedQuery<BoxedSqlQuery<'f, Pg, SqlQuery>>;

impl<'f> PreparedSql<'f> {
    /// Adds the value of the next parameter, counted from `$1`.
    pub(crate) fn bind<T, V>(self, value: V) -> Self
    where
        Pg: HasSqlType<T>,
        T: Send + 'f,
        V: ToSql<T, Pg> + Send + 'f,
    {
        Self(self.0.bind::<T, V>(value))
    }

    /// Returns the statement without its mark: it is planned for its values at each execution.
    pub(crate) fn into_unprepared(self) -> BoxedSqlQuery<'f, Pg, SqlQuery> {
        self.0
    }

    /// Runs a statement that returns no rows.
    ///
    /// Shadows [`RunQueryDsl::execute`], which borrows the query and thereby loses its mark.
    pub(crate) fn execute(self, connection: &mut PgConnection) -> QueryResult<()> {
        self.load::<NoRow>(connection).map(drop)
    }
}

/// Row of a statement that returns none.
#[derive(QueryableByName)]
struct NoRow {}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for PreparedQuery<Q> {
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk_ast(pass)
    }

    /// Diesel does not cache `sql_query` by itself because its text may differ at each execution.
    fn is_safe_to_cache_prepared(&self, _: &Pg) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<Q> QueryId for PreparedQuery<Q> {
    type QueryId = ();

    /// The text and the types of the values identify the statement.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for PreparedQuery<Q> {
    type SqlType = Q::SqlType;
}

impl<Q> RunQueryDsl<PgConnection> for PreparedQuery<Q> {}

/// Returns a query of Diesel's query builder that is planned for its values at each execution.
/// Diesel would otherwise keep it prepared, because its text does not vary.
///
/// For a kept plan, PostgreSQL may choose an index that finds only the workspace, because several
/// indexes looked equally cheap when the table was small.
pub(crate) fn unprepared<Q>(query: Q) -> UnpreparedQuery<Q> {
    UnpreparedQuery(query)
}

/// A query that Diesel does not keep in its cache of prepared statements.
#[must_use = "a query runs only when it is loaded"]
pub(crate) struct UnpreparedQuery<Q>(Q);

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for UnpreparedQuery<Q> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        pass.unsafe_to_cache_prepared();
        self.0.walk_ast(pass)
    }
}

impl<Q> QueryId for UnpreparedQuery<Q> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for UnpreparedQuery<Q> {
    type SqlType = Q::SqlType;
}

impl<Q> RunQueryDsl<PgConnection> for UnpreparedQuery<Q> {}
