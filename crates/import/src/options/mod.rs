//! Options of an import: the JSON object `options` of the HTTP API and of a mapping file.

mod parse;
mod tree;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub(crate) use parse::pointer;

/// Options that state how a file is interpreted. By default, everything is detected.
///
/// The options of the batch (`on_conflict`, `match`, `atomic`, `nulls`, `unknown_users`) are
/// members of the same JSON object, but are read by the server: see [`parse`](Self::parse).
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ImportOptions {
    /// Name of the sheet of a workbook. By default, the first sheet with rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// Number of the header row, from 1, as the spreadsheet shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header_row: Option<u32>,
    /// Encoding of a text file: a label of the WHATWG Encoding Standard, such as `windows-1252`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// Delimiter of a text file: `,`, `;`, `|` or a tab.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    /// Field of each header. `None`: the column is not used.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, Option<String>>,
    /// Values of fields that no column provides.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub defaults: BTreeMap<String, String>,
    /// Translations of values, by field.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, BTreeMap<String, String>>,
    /// Template of the name, such as `{Manufacturer} {Model}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_from: Option<String>,
    /// Format of all dates in text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_format: Option<DateFormat>,
    /// Decimal mark of amounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<DecimalMark>,
    /// Treatment of columns without a field.
    #[serde(skip_serializing_if = "OtherColumns::is_default")]
    pub other_columns: OtherColumns,
}

/// Format of dates in text. The separators are `/`, `.` or `-`. Leading zeros may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DateFormat {
    /// Year, month, day.
    #[serde(rename = "YYYY-MM-DD")]
    YearFirst,
    /// Day, month, year.
    #[serde(rename = "DD/MM/YYYY")]
    DayFirst,
    /// Month, day, year.
    #[serde(rename = "MM/DD/YYYY")]
    MonthFirst,
    /// Days since the end of 1899, as Excel stores dates.
    #[serde(rename = "excel")]
    Excel,
}

/// Decimal mark of amounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DecimalMark {
    /// `1,299.00`
    Point,
    /// `1.299,00`
    Comma,
}

/// Treatment of columns without a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OtherColumns {
    /// They are listed and not used.
    #[default]
    Ignore,
    /// They become attributes with the header as key.
    Attributes,
    /// They reject the file.
    Error,
}

impl DateFormat {
    /// Names of all formats.
    pub const NAMES: &'static [&'static str] = &["YYYY-MM-DD", "DD/MM/YYYY", "MM/DD/YYYY", "excel"];
}

impl DecimalMark {
    /// Names of both marks.
    pub const NAMES: &'static [&'static str] = &["point", "comma"];
}

impl OtherColumns {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes a reference"
    )]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Names of all treatments.
    pub const NAMES: &'static [&'static str] = &["ignore", "attributes", "error"];
}
