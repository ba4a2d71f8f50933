//! Times of change.

use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::sql_types::Timestamptz;

/// Returns an instant after the last change of the updated row. The clock may have been set back
/// since then, and the times of change must rise.
pub(crate) fn next_updated_at() -> SqlLiteral<Timestamptz> {
    sql::<Timestamptz>("greatest(clock_timestamp(), updated_at + interval '1 microsecond')")
}
