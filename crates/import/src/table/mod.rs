//! The table in a file: its header, its columns and its rows.

mod column_statistics;
mod date_orders;
mod defaults;
mod header;
mod row_reader;
mod scan;
mod template;
mod warnings;

pub(crate) use header::find_header;
pub(crate) use row_reader::RowReader;
pub(crate) use scan::{Scan, SourceTraits, Table};
