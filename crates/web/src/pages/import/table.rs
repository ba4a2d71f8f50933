//! The table of a file: where it is, and how its text is written.

use devices_import::{FileDescription, FileKind, ImportOptions};

use crate::texts::{self, EN};

/// Encodings that a page offers. Others come from a saved mapping.
const ENCODINGS: [&str; 5] = [
    "utf-8",
    "windows-1252",
    "macintosh",
    "iso-8859-15",
    "utf-16le",
];

/// Value of a select.
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) label: String,
    pub(super) is_selected: bool,
}

impl Choice {
    pub(super) fn new(value: &str, label: impl Into<String>, selected: &str) -> Self {
        Self {
            value: value.to_owned(),
            label: label.into(),
            is_selected: value == selected,
        }
    }
}

/// Settings of the table that is read. A select without choices is not shown.
pub(super) struct TableSettings {
    pub(super) header_row: String,
    pub(super) header_row_hint: String,
    pub(super) sheets: Vec<Choice>,
    pub(super) encodings: Vec<Choice>,
    pub(super) delimiters: Vec<Choice>,
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
            sheets: Vec::new(),
            encodings: Vec::new(),
            delimiters: Vec::new(),
        };
        match &file.kind {
            FileKind::Xlsx { sheet, sheets } => {
                settings.sheets = sheet_choices(sheet, sheets, options.sheet.as_deref());
            }
            FileKind::Csv {
                encoding,
                delimiter,
            } => {
                settings.encodings = encoding_choices(encoding, options.encoding.as_deref());
                settings.delimiters = delimiter_choices(*delimiter, options.delimiter.as_deref());
            }
        }
        settings
    }
}

fn detected(what: &str) -> Choice {
    let label = texts::fill(EN.import.detected, &[("what", &what)]);
    Choice {
        value: String::new(),
        label,
        is_selected: false,
    }
}

fn sheet_choices(sheet: &str, sheets: &[String], given: Option<&str>) -> Vec<Choice> {
    let given = given.unwrap_or_default();
    let named = sheets
        .iter()
        .map(|name| Choice::new(name, name.clone(), given));
    let read = given.is_empty().then(|| detected(sheet));
    read.into_iter().chain(named).collect()
}

fn encoding_choices(encoding: &str, given: Option<&str>) -> Vec<Choice> {
    let given = given.unwrap_or_default();
    let mut choices = vec![detected(encoding)];
    choices.extend(ENCODINGS.map(|name| Choice::new(name, name, given)));
    if !given.is_empty() && !ENCODINGS.contains(&given) {
        choices.push(Choice::new(given, given, given));
    }
    choices
}

fn delimiter_choices(delimiter: char, given: Option<&str>) -> Vec<Choice> {
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
    let mut choices = vec![detected(found.map_or(name.as_str(), |(_, label)| label))];
    choices.extend(names.map(|(value, label)| Choice::new(value, label, given)));
    choices
}
