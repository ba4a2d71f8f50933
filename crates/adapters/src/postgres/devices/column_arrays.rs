//! Values of several devices as one array per column, in the binary format of arrays (`array_recv`
//! in PostgreSQL's `arrayfuncs.c`).

use std::io::Write;

use diesel::pg::Pg;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{Array, HasSqlType};

use super::binary_copy::{EncodeBinary, ValueSink};

/// The columns of several rows. Takes the values row by row.
pub(crate) struct ColumnArrays {
    columns: Vec<ColumnArray>,
    /// Position of the column of the next value.
    next: usize,
}

/// The values of a column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ColumnArray {
    /// Length and bytes of each element.
    elements: Vec<u8>,
    count: u32,
    has_null: bool,
}

impl ColumnArrays {
    /// Creates empty arrays for a number of columns.
    pub(crate) fn new(columns: usize) -> Self {
        Self {
            columns: vec![ColumnArray::default(); columns],
            next: 0,
        }
    }

    /// Returns the array of each column.
    pub(crate) fn into_columns(self) -> impl Iterator<Item = ColumnArray> {
        self.columns.into_iter()
    }
}

impl ValueSink for ColumnArrays {
    fn push(&mut self, value: &impl EncodeBinary) {
        let column = &mut self.columns[self.next];
        let start = column.elements.len();
        value.encode_element(&mut column.elements);
        column.has_null |= column.elements[start..].starts_with(&(-1_i32).to_be_bytes());
        column.count += 1;
        self.next = (self.next + 1) % self.columns.len();
    }
}

impl<ST> ToSql<Array<ST>, Pg> for ColumnArray
where
    Pg: HasSqlType<ST>,
    ST: 'static,
{
    /// Writes an array of one dimension, with the lower bound 1.
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let element = <Pg as HasSqlType<ST>>::metadata(out.metadata_lookup());
        let (dimensions, lower_bound) = (1_u32, 1_u32);
        let has_null = u32::from(self.has_null);
        for number in [
            dimensions,
            has_null,
            element.oid()?,
            self.count,
            lower_bound,
        ] {
            out.write_all(&number.to_be_bytes())?;
        }
        out.write_all(&self.elements)?;
        Ok(IsNull::No)
    }
}
