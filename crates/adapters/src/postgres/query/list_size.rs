//! Sizes of the arrays of values that prepared statements look up.

/// Number of values that a text looks up, rounded up.
///
/// PostgreSQL keeps the plan of a prepared statement only if plans for the actual values would not
/// be cheaper. It expects `unnest` of a parameter to return 10 rows, so a plan for one value looks
/// ten times cheaper, and it would plan the statement at each execution. Therefore, each statement
/// has one text for one value, one for up to 10, and one for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ListSize {
    One,
    UpToTen,
    Many,
}

impl ListSize {
    /// All sizes, in the order of their discriminants.
    pub(crate) const ALL: [Self; 3] = [Self::One, Self::UpToTen, Self::Many];

    /// Returns the size for arrays that have at most this number of elements.
    pub(crate) fn for_length(max_length: usize) -> Self {
        match max_length {
            0 | 1 => Self::One,
            2..=10 => Self::UpToTen,
            _ => Self::Many,
        }
    }

    /// Returns an item of a FROM clause, named `requested`: a row per element of the arrays, which
    /// have the same length. Its column `position` counts the elements from 1. Each of `arrays` is
    /// a further column and the parameter with its values, such as `("key", "$2")`.
    ///
    /// Further rows may follow whose elements are NULL. Conditions must reject them, as `=` does.
    pub(crate) fn rows(self, arrays: &[(&str, &str)]) -> String {
        let rows = match self {
            Self::One => 1,
            Self::UpToTen => 10,
            Self::Many => return unnest(arrays),
        };
        let elements = arrays
            .iter()
            .map(|(column, array)| format!(", ({array})[number] AS {column}"));
        // Subscripts, because PostgreSQL knows the number of rows of a series between constants.
        format!(
            "(SELECT number::bigint AS position{} FROM generate_series(1, {rows}) AS number) \
             AS requested",
            elements.collect::<String>()
        )
    }
}

fn unnest(arrays: &[(&str, &str)]) -> String {
    let (columns, arrays): (Vec<_>, Vec<_>) = arrays.iter().copied().unzip();
    format!(
        "unnest({}) WITH ORDINALITY AS requested ({}, position)",
        arrays.join(", "),
        columns.join(", ")
    )
}
