//! Columns of a file: their headers, and the fields that they provide.

mod column;
mod headers;
mod mapping;
mod synonyms;
mod target;

pub use column::{Column, MatchedBy};
pub use devices_workbook::column_letters;
pub(crate) use headers::{ERROR_HEADER, Headers, SURPLUS_HEADER, is_header_row, unnamed};
pub(crate) use mapping::{
    Assignment, Mapping, describe, describe_all, map_columns, unknown_column,
};
use synonyms::is_known_header;
pub(crate) use synonyms::matches_target;
pub(crate) use target::{Target, TargetError};
