//! Statistics of the values of a column.

use devices_domain::trim;

use crate::source::Cell;
use crate::text::shorten;
use crate::value::{DateStatistics, ValueReader, display_text};

/// Maximum number of samples of a column.
const MAX_SAMPLES: usize = 3;

/// Statistics of the values of a column.
#[derive(Debug, Default)]
pub(crate) struct ColumnStatistics {
    /// First distinct values, shortened.
    pub(crate) samples: Vec<String>,
    pub(crate) has_values: bool,
    /// Statistics for deciding the order of day and month.
    pub(crate) dates: Option<DateStatistics>,
    /// Lengths of serial numbers.
    pub(crate) lengths: Option<Box<LengthStatistics>>,
}

impl ColumnStatistics {
    /// Counts a cell that is not blank.
    pub(crate) fn add(&mut self, row: u32, cell: &Cell<'_>, reader: Option<&ValueReader>) {
        self.has_values = true;
        self.add_sample(cell);
        if let (Some(dates), Some(reader)) = (&mut self.dates, reader) {
            match cell {
                Cell::Date(date) => dates.add_date(row, *date),
                cell => dates.add(row, &reader.translated(cell)),
            }
        }
        if let Some(lengths) = &mut self.lengths {
            lengths.add(row, cell);
        }
    }

    fn add_sample(&mut self, cell: &Cell<'_>) {
        if self.samples.len() == MAX_SAMPLES {
            return;
        }
        let text = display_text(cell);
        // Most values need no shortening: this comparison allocates nothing.
        if self.samples.iter().any(|sample| sample == trim(&text)) {
            return;
        }
        let sample = shorten(&text);
        if !sample.is_empty() && !self.samples.contains(&sample) {
            self.samples.push(sample);
        }
    }
}

/// Lengths of serial numbers, in characters.
#[derive(Debug)]
pub(crate) struct LengthStatistics {
    /// Number of values of each length.
    all: [u32; Self::MAX_LENGTH + 1],
    /// Number of numeric values of each length, and the first row with one.
    numeric: [(u32, u32); Self::MAX_LENGTH + 1],
}

impl Default for LengthStatistics {
    fn default() -> Self {
        Self {
            all: [0; Self::MAX_LENGTH + 1],
            numeric: [(0, 0); Self::MAX_LENGTH + 1],
        }
    }
}

/// Numbers that are shorter than the usual length of their column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShortNumbers {
    pub(crate) count: u32,
    pub(crate) first_row: u32,
    pub(crate) usual_length: usize,
}

impl LengthStatistics {
    /// Longest serial number.
    const MAX_LENGTH: usize = 64;

    fn add(&mut self, row: u32, cell: &Cell<'_>) {
        let text = display_text(cell);
        let text = trim(&text);
        let length = text.chars().take(Self::MAX_LENGTH + 1).count();
        if length == 0 || length > Self::MAX_LENGTH {
            return;
        }
        self.all[length] += 1;
        // In a text file, too: a spreadsheet that saved it has removed the zeros.
        let is_numeric = text.bytes().all(|byte| byte.is_ascii_digit());
        if is_numeric && !text.starts_with('0') {
            let (count, first_row) = &mut self.numeric[length];
            *count += 1;
            if *count == 1 {
                *first_row = row;
            }
        }
    }

    /// Returns the numbers that are shorter than the usual length, which at least half of all
    /// values have.
    pub(crate) fn short_numbers(&self) -> Option<ShortNumbers> {
        let total: u32 = self.all.iter().sum();
        let lengths = self.all.iter().enumerate();
        // The longer one of two lengths that are equally frequent: zeros are lost, never added.
        let (usual_length, count) = lengths.max_by_key(|(length, count)| (**count, *length))?;
        if *count * 2 < total {
            return None;
        }
        let short = self.numeric[..usual_length].iter();
        let short = short.filter(|(count, _)| *count > 0);
        let first_row = short.clone().map(|(_, row)| *row).min()?;
        Some(ShortNumbers {
            count: short.map(|(count, _)| count).sum(),
            first_row,
            usual_length,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short_numbers(cells: &[Cell<'_>]) -> Option<(u32, u32, usize)> {
        let mut lengths = LengthStatistics::default();
        for (row, cell) in (2..).zip(cells) {
            lengths.add(row, cell);
        }
        let short = lengths.short_numbers()?;
        Some((short.count, short.first_row, short.usual_length))
    }

    fn text(text: &str) -> Cell<'_> {
        Cell::Text(text.into())
    }

    #[test]
    fn shorter_numbers_are_found() {
        let cells = [
            Cell::Number(12_345_678.0),
            text("00123456"),
            Cell::Number(123_456.0),
            text("A2345678"),
            text("99"),
        ];
        assert_eq!(short_numbers(&cells), Some((2, 4, 8)));
        assert_eq!(
            short_numbers(&[Cell::Number(12345.0), text("8ZKQ2G3")]),
            Some((1, 2, 7))
        );
    }

    #[test]
    fn equal_or_varied_lengths_are_no_sign() {
        assert_eq!(short_numbers(&[]), None);
        assert_eq!(
            short_numbers(&[Cell::Number(123.0), Cell::Number(456.0)]),
            None
        );
        assert_eq!(
            short_numbers(&[text("A1"), text("ABC123"), text("ABC124")]),
            None
        );
        let varied = ["1", "22", "333", "4444", "55555"].map(text);
        assert_eq!(short_numbers(&varied), None);
    }

    #[test]
    fn samples_are_three_distinct_values() {
        let mut column = ColumnStatistics::default();
        for value in ["Dell", " Dell ", "HP\nInc", "Dell", "Apple", "Lenovo"] {
            column.add(2, &text(value), None);
        }
        assert_eq!(column.samples, ["Dell", "HP Inc", "Apple"]);
    }
}
