//! Header row of a file.

use std::collections::HashSet;

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

/// Headers of all columns, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Headers(Vec<Header>);

impl Headers {
    /// Names each column by its header, `Header (2)` if an earlier column has the same, or
    /// `Column D` if it has none.
    pub(crate) fn new(cells: &[Cell<'_>]) -> Self {
        let texts: Vec<_> = cells
            .iter()
            .map(|cell| shorten(&display_text(cell)))
            .collect();
        let mut taken: HashSet<String> = HashSet::new();
        let literal: HashSet<&String> = texts.iter().collect();
        let headers = texts.iter().enumerate().map(|(index, text)| {
            let mut name = text.clone();
            let mut number = 2;
            if text.is_empty() {
                name = unnamed(index);
            }
            while taken.contains(&name) || name != *text && literal.contains(&name) {
                name = format!("{text} ({number})");
                number += 1;
            }
            taken.insert(name.clone());
            let text = text.clone();
            Header { text, name }
        });
        Self(headers.collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Header> {
        self.0.iter()
    }

    pub(crate) fn get(&self, index: usize) -> &Header {
        &self.0[index]
    }

    /// Adds columns without a header, so that there are at least `len`.
    pub(crate) fn extend_to(&mut self, len: usize) {
        for index in self.0.len()..len {
            self.0.push(Header {
                text: String::new(),
                name: unnamed(index),
            });
        }
    }

    /// Returns the index of the column with this name: spelled like this, or the only one that
    /// differs in case. `Column D` is found beside the headers, too.
    pub(crate) fn find(&self, name: &str, max_columns: usize) -> Option<usize> {
        let name = shorten(name);
        if let Some(index) = self.0.iter().position(|header| header.name == name) {
            return Some(index);
        }
        let folded = fold_case(&name);
        let mut same = self.0.iter().enumerate();
        let mut same = same
            .by_ref()
            .filter(|(_, header)| fold_case(&header.name) == folded);
        match (same.next(), same.next()) {
            (Some((index, _)), None) => Some(index),
            (Some(_), Some(_)) => None,
            (None, _) => (self.0.len()..max_columns).find(|index| unnamed(*index) == name),
        }
    }
}

fn unnamed(index: usize) -> String {
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
            [" (2)", "Column A"],
            "a real header keeps its name"
        );
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
