//! Errors of files and options.

use crate::columns::column_letters;

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
    /// Columns that it is about.
    pub columns: Vec<ErrorColumn>,
    /// Field that these columns provide, if there are too many of them.
    pub field: Option<String>,
    /// Row that it is about, from 1, as the spreadsheet shows it.
    pub row: Option<u32>,
}

impl FileError {
    /// Creates an error of the file as a whole.
    pub fn new(reason: FileErrorReason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            columns: Vec::new(),
            field: None,
            row: None,
        }
    }
}

/// Column that an error is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorColumn {
    /// Index, from 0.
    pub index: usize,
    /// Text of the header row, shortened. Empty if the column has no header.
    pub header: String,
    /// Name by which the options address the column.
    pub name: String,
}

impl ErrorColumn {
    /// Returns the letters of the column as the spreadsheet shows them.
    #[must_use]
    pub fn letters(&self) -> String {
        column_letters(self.index)
    }
}

/// An option that is invalid, or does not fit the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct OptionError {
    /// JSON Pointer of the option, such as `/columns/Service Tag`.
    pub pointer: String,
    /// Reason, for programs.
    pub reason: OptionErrorReason,
    /// Sentence for people: what is wrong, and what to do.
    pub message: String,
}

impl OptionError {
    /// Creates an error of the option at a JSON Pointer.
    pub fn new(
        pointer: impl Into<String>,
        reason: OptionErrorReason,
        message: impl Into<String>,
    ) -> Self {
        Self {
            pointer: pointer.into(),
            reason,
            message: message.into(),
        }
    }
}

/// Reason of an [`OptionError`]: a stable lower-case word for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionErrorReason {
    /// The options are not JSON.
    NotJson,
    /// No option has this name.
    UnknownOption,
    /// The option, or a member of it, occurs twice.
    RepeatedOption,
    /// The value has the wrong type.
    WrongType,
    /// The value is not one that the option, or the field, accepts.
    Malformed,
    /// No field has this name.
    UnknownField,
    /// The file has no such column.
    UnknownColumn,
    /// The workbook has no such sheet.
    UnknownSheet,
    /// The file has no such row.
    UnknownRow,
    /// Two options contradict each other.
    Conflict,
    /// The value is not one of the words that the option accepts.
    NotInEnum,
    /// The option has no effect with the other options.
    NoEffect,
}

impl OptionErrorReason {
    /// All reasons.
    pub const ALL: [Self; 12] = [
        Self::NotJson,
        Self::UnknownOption,
        Self::RepeatedOption,
        Self::WrongType,
        Self::Malformed,
        Self::UnknownField,
        Self::UnknownColumn,
        Self::UnknownSheet,
        Self::UnknownRow,
        Self::Conflict,
        Self::NotInEnum,
        Self::NoEffect,
    ];

    /// Returns the word as the API spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::UnknownOption | Self::UnknownField => "unknown_field",
            Self::RepeatedOption => "repeated_field",
            Self::WrongType => "wrong_type",
            Self::Malformed => "malformed",
            Self::UnknownColumn => "unknown_column",
            Self::UnknownSheet => "unknown_sheet",
            Self::UnknownRow => "unknown_row",
            Self::Conflict => "conflict",
            Self::NotInEnum => "not_in_enum",
            Self::NoEffect => "no_effect",
        }
    }
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
    /// The workbook is too large when inflated, or the file of its rejected rows is.
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
    /// All reasons.
    pub const ALL: [Self; 10] = [
        Self::UnsupportedKind,
        Self::Encrypted,
        Self::Damaged,
        Self::TooLarge,
        Self::TooManyRows,
        Self::TooManyColumns,
        Self::Empty,
        Self::AmbiguousDate,
        Self::DuplicateField,
        Self::UnknownColumn,
    ];

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
