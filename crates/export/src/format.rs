//! Formats of an export.

/// Format of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// A body of `POST /devices`.
    Json,
    /// One JSON object per line.
    Ndjson,
    /// A header line with the field names, then one line per device. The items of a list are
    /// separated by line breaks inside their cell.
    Csv,
    /// A workbook with the rows of [`Csv`](Self::Csv). Texts are never formulas.
    Xlsx,
}

impl ExportFormat {
    /// Returns the name, which is also the file extension.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }

    /// Returns the media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }

    /// Returns whether each attribute key has a column.
    #[must_use]
    pub fn has_columns(self) -> bool {
        matches!(self, Self::Csv | Self::Xlsx)
    }
}
