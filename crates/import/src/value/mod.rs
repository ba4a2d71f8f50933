//! Values of cells: what a spreadsheet shows, as the raw values of fields.

mod amount;
mod boolean;
mod currency;
mod date;
mod day_number;
mod number;
mod reader;

use std::borrow::Cow;

pub(crate) use date::{DateStatistics, DecidedOrder};
pub(crate) use number::FIRST_INEXACT;
use number::number_text;
pub(crate) use reader::{ERROR_VALUE, ValueReader, is_error_value};

use crate::source::Cell;

/// Returns the text that a spreadsheet shows for a cell. An error value has none.
pub(crate) fn display_text<'a>(cell: &'a Cell<'_>) -> Cow<'a, str> {
    match cell {
        Cell::Empty | Cell::Error => Cow::Borrowed(""),
        Cell::Text(text) => Cow::Borrowed(text),
        Cell::Number(number) => number_text(*number).into(),
        Cell::Date(date) => date.to_string().into(),
        Cell::Boolean(true) => Cow::Borrowed("true"),
        Cell::Boolean(false) => Cow::Borrowed("false"),
    }
}

/// Returns whether a cell has no value.
pub(crate) fn is_blank_cell(cell: &Cell<'_>) -> bool {
    match cell {
        Cell::Empty => true,
        Cell::Text(text) => crate::text::is_blank(text),
        _ => false,
    }
}
