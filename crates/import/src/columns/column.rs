//! Columns of a file, and the fields that they provide.

use devices_workbook::column_letters;

use crate::options::DateFormat;

/// A column and its interpretation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Index, from 0.
    pub index: usize,
    /// Text of the header row, trimmed and shortened. Empty if the column has no header.
    pub header: String,
    /// Name by which the options address the column: its header, `Header (2)` if an earlier column
    /// has the same, or `Column D` if it has none.
    pub name: String,
    /// First three distinct values, shortened.
    pub samples: Vec<String>,
    /// Field that the column provides, such as `serial_number` or `attributes.Room`.
    pub field: Option<String>,
    /// Match that assigned the field. `None` if there is no field.
    pub by: Option<MatchedBy>,
    /// Format of its dates in text: that of the options, or the one that its rows show. `None` if
    /// no row needs one, such as for dates as `2024-05-31` and date cells.
    pub date_format: Option<DateFormat>,
}

impl Column {
    /// Returns the letters of the column as the spreadsheet shows them: `A`, `Z`, `AA`.
    #[must_use]
    pub fn letters(&self) -> String {
        column_letters(self.index)
    }
}

/// Match of a column with its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchedBy {
    /// The options state it.
    Given,
    /// The header is the name of the field.
    Name,
    /// The header is a synonym of the field.
    Synonym,
    /// The header is similar to a name or a synonym: a proposal to be checked.
    Similar,
}

impl MatchedBy {
    /// Returns the word as the API spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Name => "name",
            Self::Synonym => "synonym",
            Self::Similar => "similar",
        }
    }
}
