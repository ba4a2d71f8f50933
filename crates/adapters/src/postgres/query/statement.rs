//! Statements that are put together from parts.

use chrono::{DateTime, Utc};
use diesel::pg::{Pg, PgConnection};
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::query_dsl::methods::LoadQuery;
use diesel::sql_types::{BigInt, Float, Text, Timestamptz};
use diesel::{QueryResult, RunQueryDsl};

/// A statement in the making: its text, and the values that it is run with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Statement {
    text: String,
    values: Vec<Value>,
}

/// A value that a statement is run with.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Integer(i64),
    Float(f32),
    Text(String),
    Instant(DateTime<Utc>),
}

impl Statement {
    /// Adds text: never a value's.
    pub(crate) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Adds another statement that was begun before this one had values.
    pub(crate) fn append(&mut self, other: Self) -> &mut Self {
        assert!(self.values.is_empty(), "parameters are counted from 1");
        self.values = other.values;
        self.push(&other.text)
    }

    /// Adds a value; returns the parameter that stands for it.
    pub(crate) fn value(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    /// Runs the statement.
    pub(crate) fn load<'q, T>(self, connection: &mut PgConnection) -> QueryResult<Vec<T>>
    where
        BoxedSqlQuery<'q, Pg, SqlQuery>: LoadQuery<'q, PgConnection, T>,
    {
        let query = diesel::sql_query(self.text).into_boxed::<Pg>();
        let query = self
            .values
            .into_iter()
            .fold(query, |query, value| match value {
                Value::Integer(value) => query.bind::<BigInt, _>(value),
                Value::Float(value) => query.bind::<Float, _>(value),
                Value::Text(value) => query.bind::<Text, _>(value),
                Value::Instant(value) => query.bind::<Timestamptz, _>(value),
            });
        query.load(connection)
    }
}
