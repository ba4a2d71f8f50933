//! Description of a file.

/// Detected properties of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDescription {
    /// Kind, by content.
    pub kind: FileKind,
    /// Number of the header row, from 1, as the spreadsheet shows it.
    pub header_row: u32,
    /// Number of rows with a value, without the header.
    pub rows: usize,
}

/// Kind of a file, with what only this kind has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileKind {
    /// A workbook.
    Xlsx {
        /// Name of the sheet that is read.
        sheet: String,
        /// Names of all sheets, in order.
        sheets: Vec<String>,
    },
    /// Delimited text.
    Csv {
        /// Name of the encoding, as the WHATWG Encoding Standard spells it.
        encoding: &'static str,
        /// Delimiter: `,`, `;`, `|`, a tab, or the punctuation of a line such as `sep=^`.
        delimiter: char,
    },
}

/// Warning about a file. Does not reject it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Kind, for programs.
    pub kind: WarningKind,
    /// Sentence for people. Contains no value of the file other than headers.
    pub message: String,
    /// Index of the column that it is about, from 0.
    pub column: Option<usize>,
}

/// Kind of a [`Warning`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WarningKind {
    /// The column is not used.
    IgnoredColumn,
    /// The field of the column is a proposal.
    SimilarColumn,
    /// Numbers of the column are shorter than usual, and may have lost leading zeros.
    LeadingZeros,
    /// A spreadsheet may have swapped day and month of the dates of the column.
    SwappedDates,
    /// A default is not used, because a column provides the field.
    UnusedDefault,
    /// The header is repeated, or hidden sheets or merged cells were found.
    Layout,
}

impl WarningKind {
    /// Returns the word as the API spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IgnoredColumn => "ignored_column",
            Self::SimilarColumn => "similar_column",
            Self::LeadingZeros => "leading_zeros",
            Self::SwappedDates => "swapped_dates",
            Self::UnusedDefault => "unused_default",
            Self::Layout => "layout",
        }
    }
}
