//! Header row of a file.

use std::collections::HashSet;
use std::ops::Range;

use devices_domain::fold_case;

use super::column_letters;
use crate::options::ImportOptions;
use crate::source::Cell;
use crate::text::{is_blank, shorten};
use crate::value::display_text;

/// Header of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    /// Text of the cell, shortened.
    pub(crate) text: String,
    /// Name by which the options address the column.
    pub(crate) name: String,
}

/// Header of the last column of a file of rejected rows, which has the messages.
pub(crate) const ERROR_HEADER: &str = "Error";

/// Header of the columns before it that have the surplus cells of shifted rows. It looks empty, and
/// differs from that of the file's own columns without a header.
pub(crate) const SURPLUS_HEADER: &str = " ";

/// Headers of all columns, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Headers {
    columns: Vec<Header>,
    /// Column with the messages of an earlier import.
    error_column: Option<usize>,
    /// Columns with the surplus cells of an earlier import.
    surplus: Range<usize>,
}

impl Headers {
    /// Names each column by its header, `Header (2)` if an earlier column has the same, or
    /// `Column D` if it has none.
    pub(crate) fn new(cells: &[Cell<'_>]) -> Self {
        let texts: Vec<_> = cells
            .iter()
            .map(|cell| shorten(&display_text(cell)))
            .collect();
        let mut taken: HashSet<String> = HashSet::new();
        let literal: HashSet<&str> = texts.iter().map(String::as_str).collect();
        let columns = texts.iter().enumerate().map(|(index, text)| {
            let mut name = text.clone();
            if text.is_empty() || taken.contains(&name) {
                let base = if text.is_empty() {
                    unnamed(index)
                } else {
                    name
                };
                name = first_free(&base, |name| taken.contains(name) || literal.contains(name));
            }
            taken.insert(name.clone());
            let text = text.clone();
            Header { text, name }
        });
        let columns = columns.collect();
        let last = texts.iter().rposition(|text| !text.is_empty());
        let error_column = last.filter(|index| texts[*index] == ERROR_HEADER);
        let is_surplus =
            |cell: &Cell<'_>| matches!(cell, Cell::Text(text) if text == SURPLUS_HEADER);
        let surplus = error_column.map_or(0..0, |end| {
            let count = cells[..end]
                .iter()
                .rev()
                .take_while(|cell| is_surplus(cell));
            end - count.count()..end
        });
        Self {
            columns,
            error_column,
            surplus,
        }
    }

    /// Returns the column with the messages of an earlier import: the last one, if its header is
    /// `Error`.
    pub(crate) fn error_column(&self) -> Option<usize> {
        self.error_column
    }

    /// Returns the columns with the surplus cells of an earlier import, directly before its
    /// messages.
    pub(crate) fn surplus(&self) -> Range<usize> {
        self.surplus.clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.columns.len()
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Header> {
        self.columns.iter()
    }

    pub(crate) fn get(&self, index: usize) -> &Header {
        &self.columns[index]
    }

    /// Adds columns without a header, so that there are at least `len`.
    pub(crate) fn extend_to(&mut self, len: usize) {
        for index in self.columns.len()..len {
            let is_taken = |name: &str| self.columns.iter().any(|header| header.name == name);
            let header = Header {
                text: String::new(),
                name: first_free(&unnamed(index), is_taken),
            };
            self.columns.push(header);
        }
    }

    /// Returns the index of the column with this name: spelled like this, or the only one that
    /// differs in case. `Column D` is found beside the headers, too.
    pub(crate) fn find(&self, name: &str, max_columns: usize) -> Option<usize> {
        let name = shorten(name);
        if let Some(index) = self.columns.iter().position(|header| header.name == name) {
            return Some(index);
        }
        let folded = fold_case(&name);
        let mut same = self
            .columns
            .iter()
            .enumerate()
            .filter(|(_, header)| fold_case(&header.name) == folded);
        match (same.next(), same.next()) {
            (Some((index, _)), None) => Some(index),
            (Some(_), Some(_)) => None,
            (None, _) => (self.columns.len()..max_columns).find(|index| unnamed(*index) == name),
        }
    }
}

/// Returns a name that is not taken: the given one, or `Header (2)` and so on.
fn first_free(base: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let mut name = base.to_owned();
    let mut number = 2;
    while is_taken(&name) {
        name = format!("{base} ({number})");
        number += 1;
    }
    name
}

/// Returns the name of a column without a header.
pub(crate) fn unnamed(index: usize) -> String {
    format!("Column {}", column_letters(index))
}

/// Returns whether a row has at least two headers that are known, or that the options name.
pub(crate) fn is_header_row(cells: &[Cell<'_>], options: &ImportOptions) -> bool {
    const MIN_HEADERS: usize = 2;

    let known = cells.iter().filter(|cell| {
        let text = shorten(&display_text(cell));
        !is_blank(&text) && (super::is_known_header(&text) || options.columns.contains_key(&text))
    });
    known.take(MIN_HEADERS).count() == MIN_HEADERS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(texts: &[&str]) -> Headers {
        let cells: Vec<_> = texts
            .iter()
            .map(|text| Cell::Text((*text).into()))
            .collect();
        Headers::new(&cells)
    }

    fn names(texts: &[&str]) -> Vec<String> {
        headers(texts)
            .iter()
            .map(|header| header.name.clone())
            .collect()
    }

    #[test]
    fn repeated_and_empty_headers_get_a_name() {
        assert_eq!(
            names(&["Room", " Room ", "", "Room"]),
            ["Room", "Room (2)", "Column C", "Room (3)"]
        );
        assert_eq!(
            names(&["Room", "Room", "Room (2)", "Column D", ""]),
            ["Room", "Room (3)", "Room (2)", "Column D", "Column E"]
        );
        assert_eq!(
            names(&["", "Column A"]),
            ["Column A (2)", "Column A"],
            "a real header keeps its name"
        );
    }

    #[test]
    fn added_column_gets_a_free_name() {
        let mut headers = headers(&["Column B"]);
        headers.extend_to(3);
        let names: Vec<_> = headers.iter().map(|header| &header.name).collect();
        assert_eq!(names, ["Column B", "Column B (2)", "Column C"]);
        assert_eq!(headers.find("Column B (2)", 3), Some(1));
    }

    #[test]
    fn last_column_error_has_messages() {
        let error_column = |texts: &[&str]| headers(texts).error_column();
        assert_eq!(error_column(&["name", "Error"]), Some(1));
        assert_eq!(error_column(&["name", "Error", ""]), Some(1));
        assert_eq!(error_column(&["Error", "name"]), None);
        assert_eq!(error_column(&["Error", "name", "Error"]), Some(2));
        assert_eq!(error_column(&["name", "error"]), None);
    }

    #[test]
    fn surplus_columns_precede_the_messages() {
        let cells = |texts: &[&'static str]| texts.iter().map(|text| Cell::text(*text)).collect();
        let surplus = |cells: Vec<Cell<'_>>| Headers::new(&cells).surplus();
        assert_eq!(surplus(cells(&["name", "", " ", " ", "Error"])), 2..4);
        assert_eq!(surplus(cells(&["name", "", "Error"])), 2..2);
        assert_eq!(surplus(cells(&["name", " "])), 0..0);
    }

    #[test]
    fn column_is_found_by_its_name() {
        let headers = headers(&["Service Tag", "room", "Room", ""]);
        let find = |name| headers.find(name, 6);
        assert_eq!(find("service tag"), Some(0));
        assert_eq!(find("Room"), Some(2));
        assert_eq!(find("ROOM"), None, "two columns differ only in case");
        assert_eq!(find("Column D"), Some(3));
        assert_eq!(find("Column F"), Some(5));
        assert_eq!(find("Column G"), None);
    }

    #[test]
    fn header_row_has_two_known_headers() {
        let cells = |texts: &[&'static str]| -> Vec<Cell<'static>> {
            texts
                .iter()
                .map(|text| Cell::Text((*text).into()))
                .collect()
        };
        let mut options = ImportOptions::default();
        assert!(is_header_row(
            &cells(&["", "Serial", "Room", "make"]),
            &options
        ));
        assert!(is_header_row(
            &cells(&["name", "attributes.Room"]),
            &options
        ));
        assert!(!is_header_row(
            &cells(&["Serial numbers of 2024", "Make"]),
            &options
        ));
        options.columns.insert("Raum".to_owned(), None);
        assert!(is_header_row(&cells(&["Raum", "Hersteller"]), &options));
    }
}
