//! The table of a file: where it is, and how its text is written.

use devices_import::{FileDescription, FileKind, ImportOptions};

use crate::fields::Choice;
use crate::texts::{self, EN};

/// Encodings that a page offers. Others come from a saved mapping.
const ENCODINGS: [&str; 5] = [
    "utf-8",
    "windows-1252",
    "macintosh",
    "iso-8859-15",
    "utf-16le",
];

/// Values of which one is selected.
#[derive(Default)]
pub(super) struct Select {
    pub(super) choices: Vec<Choice>,
    pub(super) selected: String,
}

impl Select {
    /// Creates a select of values and their labels.
    pub(super) fn new(selected: &str, choices: &[(&str, &str)]) -> Self {
        let choices = choices.iter();
        Self {
            choices: choices
                .map(|(value, label)| Choice::new(value, *label))
                .collect(),
            selected: selected.to_owned(),
        }
    }

    fn push(&mut self, value: &str, label: &str) {
        self.choices.push(Choice::new(value, label));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.choices.is_empty()
    }
}

/// Settings of the table that is read. A select without choices is not shown.
pub(super) struct TableSettings {
    pub(super) header_row: String,
    pub(super) header_row_hint: String,
    pub(super) sheets: Select,
    pub(super) encodings: Select,
    pub(super) delimiters: Select,
}

/// Returns what was read, such as "inventory.xlsx: sheet Inventory, 30 rows".
pub(super) fn summary(name: &str, file: &FileDescription) -> String {
    let rows = texts::count(file.rows as u64, EN.import.one_row, EN.import.rows);
    match &file.kind {
        FileKind::Xlsx { sheet, .. } => texts::fill(
            EN.import.summary_workbook,
            &[("name", &name), ("sheet", sheet), ("rows", &rows)],
        ),
        FileKind::Csv { .. } => {
            texts::fill(EN.import.summary_text, &[("name", &name), ("rows", &rows)])
        }
    }
}

impl TableSettings {
    pub(super) fn new(file: &FileDescription, options: &ImportOptions) -> Self {
        let header_row = options.header_row.map(|row| row.to_string());
        let hint = texts::fill(EN.import.header_row_hint, &[("row", &file.header_row)]);
        let mut settings = Self {
            header_row: header_row.unwrap_or_default(),
            header_row_hint: hint,
            sheets: Select::default(),
            encodings: Select::default(),
            delimiters: Select::default(),
        };
        match &file.kind {
            FileKind::Xlsx { sheet, sheets } => {
                settings.sheets = sheet_select(sheet, sheets, options.sheet.as_deref());
            }
            FileKind::Csv {
                encoding,
                delimiter,
            } => {
                settings.encodings = encoding_select(encoding, options.encoding.as_deref());
                settings.delimiters = delimiter_select(*delimiter, options.delimiter.as_deref());
            }
        }
        settings
    }
}

/// Returns the label of the setting that was detected.
fn detected(what: &str) -> String {
    texts::fill(EN.import.detected, &[("what", &what)])
}

fn sheet_select(sheet: &str, sheets: &[String], given: Option<&str>) -> Select {
    let mut select = Select::new(given.unwrap_or_default(), &[]);
    if given.is_none() {
        select.push("", &detected(sheet));
    }
    for name in sheets {
        select.push(name, name);
    }
    select
}

fn encoding_select(encoding: &str, given: Option<&str>) -> Select {
    let mut select = Select::new(given.unwrap_or_default(), &[("", &detected(encoding))]);
    let other = given.filter(|given| !ENCODINGS.contains(given));
    for name in ENCODINGS.into_iter().chain(other) {
        select.push(name, name);
    }
    select
}

fn delimiter_select(delimiter: char, given: Option<&str>) -> Select {
    let names = [
        (",", EN.import.comma),
        (";", EN.import.semicolon),
        ("tab", EN.import.tab),
        ("|", EN.import.pipe),
    ];
    let given = match given {
        Some("\t") => "tab",
        given => given.unwrap_or_default(),
    };
    let name = match delimiter {
        '\t' => "tab".to_owned(),
        other => other.to_string(),
    };
    let found = names.iter().find(|(value, _)| *value == name);
    let label = found.map_or(name.as_str(), |(_, label)| label);
    let mut select = Select::new(given, &[("", &detected(label))]);
    for (value, label) in names {
        select.push(value, label);
    }
    select
}
