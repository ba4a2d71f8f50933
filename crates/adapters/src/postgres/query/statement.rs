//! SQL statements that are built at run time.

use chrono::{DateTime, NaiveDate, Utc};
use devices_domain::{DateRange, IdentifierKey};
use diesel::pg::{Pg, PgConnection};
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::query_dsl::methods::LoadQuery;
use diesel::sql_types::{Array, BigInt, Date, Float, Text, Timestamptz};
use diesel::{QueryResult, QueryableByName, RunQueryDsl};

/// Builder for a statement: its text and its bind values.
#[derive(Debug, Clone, Default)]
pub(crate) struct Statement {
    text: String,
    values: Vec<Value>,
}

/// Bind value of a statement.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Integer(i64),
    Integers(Vec<i64>),
    Float(f32),
    Text(String),
    Texts(Vec<String>),
    Date(NaiveDate),
    Instant(DateTime<Utc>),
}

/// Row of a statement that selects ids.
#[derive(QueryableByName)]
pub(crate) struct IdRow {
    #[diesel(sql_type = BigInt)]
    pub(crate) id: i64,
}

impl Statement {
    /// Appends SQL text. Values must be [bound](Self::bind), never appended.
    pub(crate) fn push(&mut self, sql: &str) -> &mut Self {
        self.text.push_str(sql);
        self
    }

    /// Appends another statement with its values.
    ///
    /// # Panics
    /// If this statement already has values: the parameters of `other` are numbered from 1.
    pub(crate) fn append(&mut self, other: Self) -> &mut Self {
        assert!(self.values.is_empty(), "parameters are numbered from 1");
        self.values = other.values;
        self.push(&other.text)
    }

    /// Adds a bind value. Returns its parameter, such as `$1`.
    pub(crate) fn bind(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    /// Appends the condition that the SQL expression has this value.
    pub(crate) fn push_and_equal(&mut self, expression: &str, value: Value) {
        let value = self.bind(value);
        self.push(&format!(" AND {expression} = {value}"));
    }

    /// Appends the condition that the column, which contains folded identifiers, has this one.
    pub(crate) fn push_and_identifier(&mut self, column: &str, key: &IdentifierKey) {
        match key.folded() {
            Some(folded) => self.push_and_equal(column, Value::Text(folded.to_owned())),
            None => {
                self.push(" AND false");
            }
        }
    }

    /// Appends the condition that the column is this instant or later, if there is one.
    pub(crate) fn push_and_since(&mut self, column: &str, instant: Option<DateTime<Utc>>) {
        if let Some(instant) = instant {
            let instant = self.bind(Value::Instant(instant));
            self.push(&format!(" AND {column} >= {instant}"));
        }
    }

    /// Appends the condition that the column has a date in this range.
    pub(crate) fn push_and_in_range(&mut self, column: &str, range: DateRange) {
        self.push(&format!(" AND {column} IS NOT NULL"));
        for (operator, date) in [(">=", range.first), ("<=", range.last)] {
            if let Some(date) = date {
                let date = self.bind(Value::Date(date));
                self.push(&format!(" AND {column} {operator} {date}"));
            }
        }
    }

    /// Removes the SQL text, and returns it. The bind values stay.
    pub(crate) fn take_text(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// Runs the statement, and returns its rows.
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
                Value::Integers(values) => query.bind::<Array<BigInt>, _>(values),
                Value::Float(value) => query.bind::<Float, _>(value),
                Value::Text(value) => query.bind::<Text, _>(value),
                Value::Texts(values) => query.bind::<Array<Text>, _>(values),
                Value::Date(value) => query.bind::<Date, _>(value),
                Value::Instant(value) => query.bind::<Timestamptz, _>(value),
            });
        query.load(connection)
    }
}
