//! Errors of files and options.

/// Error of an import as a whole.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read or interpreted.
    #[error(transparent)]
    File(#[from] FileError),
    /// An option is invalid, or does not fit the file.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// Reading failed. Never happens with a file in memory.
    #[error("the file cannot be read: {0}")]
    Io(#[from] std::io::Error),
}

/// A file that cannot be read or interpreted. Contains no value of the file other than headers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FileError {
    /// Reason, for programs.
    pub reason: FileErrorReason,
    /// Sentence for people: what is wrong, and what to do.
    pub message: String,
    /// Indexes of the columns that it is about, from 0.
    pub columns: Vec<usize>,
    /// Row that it is about, from 1, as the spreadsheet shows it.
    pub row: Option<u32>,
}

/// An option that is invalid, or does not fit the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct OptionError {
    /// JSON Pointer of the option, such as `/columns/Service Tag`.
    pub pointer: String,
    /// Sentence for people: what is wrong, and what to do.
    pub message: String,
}

/// Reason of a [`FileError`]: a stable lower-case word for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileErrorReason {
    /// Neither a workbook (`.xlsx`) nor text.
    UnsupportedKind,
    /// The workbook is encrypted.
    Encrypted,
    /// The file is damaged, or its encoding is wrong.
    Damaged,
    /// The workbook is too large when inflated.
    TooLarge,
    /// The file has more rows than allowed.
    TooManyRows,
    /// The file has more columns than allowed.
    TooManyColumns,
    /// The file has no row with a value, or only a header.
    Empty,
    /// The order of day and month in a column cannot be decided.
    AmbiguousDate,
    /// Two columns provide the same field.
    DuplicateField,
    /// A column has no field, and `other_columns` is `error`.
    UnknownColumn,
}

impl FileErrorReason {
    /// Returns the word as the API spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnsupportedKind => "unsupported_kind",
            Self::Encrypted => "encrypted",
            Self::Damaged => "damaged",
            Self::TooLarge => "too_large",
            Self::TooManyRows => "too_many_rows",
            Self::TooManyColumns => "too_many_columns",
            Self::Empty => "empty",
            Self::AmbiguousDate => "ambiguous_date",
            Self::DuplicateField => "duplicate_field",
            Self::UnknownColumn => "unknown_column",
        }
    }
}
