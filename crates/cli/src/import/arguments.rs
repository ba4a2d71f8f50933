//! Arguments of `import`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// CSV or Excel file (.xlsx)
    pub(crate) file: PathBuf,
    /// Show the plan and store nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask for confirmation
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Import the file even if it was imported before
    #[arg(long)]
    pub(crate) again: bool,
    /// File for the rejected rows instead of NAME.rejected.csv or NAME.rejected.xlsx
    #[arg(long, value_name = "FILE")]
    pub(crate) rejected: Option<PathBuf>,
    /// Maximum number of rows that are sent at once
    #[arg(long, value_name = "ROWS", default_value_t = 20_000)]
    pub(crate) part_rows: usize,
    #[command(flatten)]
    pub(crate) interpretation: Interpretation,
    #[command(flatten)]
    pub(crate) batch: BatchOptions,
}

/// How the file is interpreted. By default, everything is detected.
#[derive(Debug, Args)]
#[command(next_help_heading = "Interpretation of the file")]
pub(crate) struct Interpretation {
    /// Value of a field that no column provides, such as `type=laptop`; can be repeated
    #[arg(long, value_name = "FIELD=VALUE")]
    pub(crate) set: Vec<String>,
    /// Field of a column, such as `Service Tag=serial_number`; `Room=` ignores the column; can be
    /// repeated
    #[arg(long, value_name = "COLUMN=FIELD")]
    pub(crate) map: Vec<String>,
    /// Translation of a value, such as `type:Notebook=laptop`; can be repeated
    #[arg(long, value_name = "FIELD:FROM=TO")]
    pub(crate) value: Vec<String>,
    /// Template of the name, such as `{Manufacturer} {Model}`
    #[arg(long, value_name = "TEMPLATE")]
    pub(crate) name_from: Option<String>,
    /// Sheet of the workbook instead of the first one with rows
    #[arg(long, value_name = "NAME")]
    pub(crate) sheet: Option<String>,
    /// Number of the header row, from 1, as the spreadsheet shows it
    #[arg(long, value_name = "NUMBER")]
    pub(crate) header_row: Option<u32>,
    /// Encoding of the text, such as `windows-1252`
    #[arg(long)]
    pub(crate) encoding: Option<String>,
    /// Delimiter of the text: `,`, `;`, `|` or `tab`
    #[arg(long)]
    pub(crate) delimiter: Option<String>,
    /// Format of all dates: `YYYY-MM-DD`, `DD/MM/YYYY`, `MM/DD/YYYY` or `excel`
    #[arg(long, value_name = "FORMAT")]
    pub(crate) date_format: Option<String>,
    /// Decimal mark of amounts
    #[arg(long, value_name = "MARK")]
    pub(crate) decimal: Option<DecimalMark>,
    /// Treatment of columns without a field
    #[arg(long, value_name = "TREATMENT")]
    pub(crate) other_columns: Option<OtherColumns>,
    /// Read these options from a file; options of the command line override it
    #[arg(long, value_name = "FILE")]
    pub(crate) mapping: Option<PathBuf>,
    /// Save these options to a file
    #[arg(long, value_name = "FILE")]
    pub(crate) save_mapping: Option<PathBuf>,
}

/// What is stored.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is stored")]
pub(crate) struct BatchOptions {
    /// Treatment of rows that match a stored device
    #[arg(long, value_name = "TREATMENT")]
    pub(crate) on_conflict: Option<OnConflict>,
    /// Field that matches rows to stored devices
    #[arg(long = "match", value_name = "FIELD")]
    pub(crate) match_field: Option<MatchField>,
    /// Meaning of empty cells in rows that update a device
    #[arg(long, value_name = "MEANING")]
    pub(crate) nulls: Option<Nulls>,
    /// Treatment of email addresses that belong to no user
    #[arg(long, value_name = "TREATMENT")]
    pub(crate) unknown_users: Option<UnknownUsers>,
    /// Store the valid rows even if others are rejected; required for files that are sent in parts
    #[arg(long)]
    pub(crate) no_atomic: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DecimalMark {
    /// 1,299.00
    Point,
    /// 1.299,00
    Comma,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OtherColumns {
    /// List them and do not use them
    Ignore,
    /// Store them as attributes of the devices
    Attributes,
    /// Reject the file
    Error,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnConflict {
    /// Reject the row
    Error,
    /// Keep the stored device as it is
    Skip,
    /// Update the stored device
    Update,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum MatchField {
    /// Serial number
    SerialNumber,
    /// Asset tag
    AssetTag,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Nulls {
    /// Keep the stored value
    Keep,
    /// Remove the stored value
    Clear,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum UnknownUsers {
    /// Reject the row
    Error,
    /// Create the users
    Create,
    /// Store the device without an assignee
    LeaveOut,
}
