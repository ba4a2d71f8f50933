//! Limits of a file.

/// Limits that bound the memory and the time of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportLimits {
    /// Maximum number of rows with a value, without the header.
    pub max_rows: usize,
    /// Maximum number of columns.
    pub max_columns: usize,
    /// Maximum size of a workbook when inflated, in bytes.
    pub max_inflated_bytes: u64,
}

/// At most 20,000 rows and 256 columns, and 128 MiB inflated.
impl Default for ImportLimits {
    fn default() -> Self {
        Self {
            max_rows: 20_000,
            max_columns: 256,
            max_inflated_bytes: 128 << 20,
        }
    }
}
