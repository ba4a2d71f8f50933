//! Plan of an import: how the file is read, and what would be stored.

use std::io::{Read, Seek};

use devices_client::{ImportColumn, ImportPlan, ImportWarning, ImportedFile, PlanCounts};
use devices_import::{Column, FileKind, ImportFile, MatchedBy};
use serde::Serialize;

use super::columns_table::columns_text;
use super::options::Options;
use super::wording::in_arguments;
use crate::text::{count, grouped, wrap};

/// Plan of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Plan {
    /// Detected properties of the file.
    pub(super) file: ImportedFile,
    /// All columns, in order.
    pub(super) columns: Vec<ImportColumn>,
    /// Required fields that nothing provides.
    pub(super) missing: Vec<String>,
    /// Warnings.
    pub(super) warnings: Vec<ImportWarning>,
}

/// Returns whether a warning is that about an unused column.
pub(super) fn is_unused_column(warning: &ImportWarning) -> bool {
    warning.kind == "ignored_column"
}

impl Plan {
    /// Returns the plan of the server.
    pub(super) fn from_server(plan: &ImportPlan) -> Self {
        Self {
            file: plan.file.clone(),
            columns: plan.columns.clone(),
            missing: plan.missing.clone(),
            warnings: plan.warnings.clone(),
        }
    }

    /// Returns the plan of a file that is read here.
    pub(super) fn from_file<R: Read + Seek>(file: &ImportFile<R>) -> Self {
        let letters = |index: usize| file.columns().get(index).map(Column::letters);
        Self {
            file: described(file),
            columns: file.columns().iter().map(interpreted).collect(),
            missing: file.missing_fields().into_iter().map(Into::into).collect(),
            warnings: file
                .warnings()
                .iter()
                .map(|warning| ImportWarning {
                    kind: warning.kind.as_str().to_owned(),
                    column: warning.column.and_then(letters),
                    message: warning.message.clone(),
                })
                .collect(),
        }
    }

    /// Returns the plan as text for a terminal of 80 columns.
    pub(super) fn to_text(&self, name: &str, options: &Options) -> String {
        let defaults = options.defaults();
        let mut text = self.heading(name) + "\n\n" + &columns_text(&self.columns);
        let mut paragraph = |line: &str| text.extend(["\n", &wrap(line, 2), "\n"]);
        let is_used = |(field, _): &&(String, String)| {
            let mut columns = self.columns.iter();
            !columns.any(|column| column.field.as_ref() == Some(field))
        };
        let defaults = defaults.iter().filter(is_used);
        let defaults: Vec<_> = defaults
            .map(|(field, value)| format!("{field} = {value}"))
            .collect();
        if !defaults.is_empty() {
            paragraph(&format!("Every row: {}", defaults.join(", ")));
        }
        if !self.missing.is_empty() {
            let missing = self.missing.join(", ");
            paragraph(&format!(
                "Missing: {missing}. A new device needs a value. Give one with --set, or name a \
                 column with --map."
            ));
        }
        let mut warnings: Vec<_> = self.warnings.iter().collect();
        if !options.keeps_other_columns() && self.warnings.iter().any(is_unused_column) {
            paragraph("Columns that are not used can be kept with --other-columns attributes.");
            // The table shows the unused columns already.
            warnings.retain(|warning| !is_unused_column(warning));
        }
        for warning in warnings {
            paragraph(&format!("Warning: {}", in_arguments(&warning.message)));
        }
        text
    }

    fn heading(&self, name: &str) -> String {
        let file = &self.file;
        let kind = if let Some(sheet) = &file.sheet {
            format!("sheet {sheet}")
        } else {
            let encoding = file.encoding.as_deref().unwrap_or("text");
            let delimiter = match file.delimiter.as_deref() {
                Some("\t") => "tab",
                Some(delimiter) => delimiter,
                None => "",
            };
            format!("{encoding}, delimiter {delimiter}")
        };
        let rows = count(file.rows as usize, "row");
        wrap(
            &format!("{name}: {kind}, header in row {}, {rows}", file.header_row),
            2,
        )
    }
}

fn described<R: Read + Seek>(file: &ImportFile<R>) -> ImportedFile {
    let description = file.description();
    let mut described = ImportedFile {
        kind: String::new(),
        sheet: None,
        sheets: None,
        encoding: None,
        delimiter: None,
        header_row: description.header_row,
        rows: description.rows as u64,
    };
    described.kind = match &description.kind {
        FileKind::Xlsx { sheet, sheets } => {
            described.sheet = Some(sheet.clone());
            described.sheets = Some(sheets.clone());
            "xlsx".to_owned()
        }
        FileKind::Csv {
            encoding,
            delimiter,
        } => {
            described.encoding = Some((*encoding).to_owned());
            described.delimiter = Some(delimiter.to_string());
            "csv".to_owned()
        }
    };
    described
}

fn interpreted(column: &Column) -> ImportColumn {
    ImportColumn {
        column: column.letters(),
        header: column.header.clone(),
        name: column.name.clone(),
        samples: column.samples.clone(),
        field: column.field.clone(),
        by: column.by.map(MatchedBy::as_str).map(Into::into),
    }
}

/// Returns the results as a list, such as `create 1,199 devices, reject 5 rows`.
pub(super) fn counts_text(counts: &PlanCounts) -> String {
    let counted = |number: u64, thing: &str| count(number as usize, thing);
    let actions = [
        (
            counts.create,
            format!("create {}", counted(counts.create, "device")),
        ),
        (
            counts.update,
            format!("update {}", counted(counts.update, "device")),
        ),
        (
            counts.unchanged,
            format!("leave {} unchanged", grouped(counts.unchanged as usize)),
        ),
        (
            counts.skip,
            format!("skip {}", counted(counts.skip, "stored device")),
        ),
        (
            counts.create_users,
            format!("create {}", counted(counts.create_users, "user")),
        ),
        (
            counts.fail,
            format!("reject {}", counted(counts.fail, "row")),
        ),
    ];
    let actions = actions.into_iter().filter(|(number, _)| *number > 0);
    let text = actions.map(|(_, text)| text).collect::<Vec<_>>().join(", ");
    if text.is_empty() {
        "nothing to do".to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::super::columns_table::tests::column;
    use super::*;

    fn warning(kind: &str, message: &str) -> ImportWarning {
        ImportWarning {
            kind: kind.into(),
            column: None,
            message: message.into(),
        }
    }

    #[test]
    fn plan_fits_a_terminal() {
        let plan = Plan {
            file: ImportedFile {
                kind: "xlsx".into(),
                sheet: Some("Inventory".into()),
                sheets: None,
                encoding: None,
                delimiter: None,
                header_row: 4,
                rows: 1_204,
            },
            columns: vec![
                column(
                    "A",
                    "Service Tag",
                    "serial_number",
                    "synonym",
                    &["8ZKQ2G3", "4FBN7Q2"],
                ),
                column(
                    "B",
                    "End of the warranty\nof the vendor",
                    "client_warranty_endDate",
                    "given",
                    &["2027-03-04"],
                ),
                column(
                    "AA",
                    "Room",
                    "",
                    "",
                    &["2.14", "a value that is much longer than the others"],
                ),
            ],
            missing: vec!["name".into()],
            warnings: vec![
                warning("leading_zeros", "column A may have lost leading zeros"),
                warning("ignored_column", "column AA is not used"),
            ],
        };
        let expected = "\
laptops.xlsx: sheet Inventory, header in row 4, 1,204 rows

     Header                  Field                    Found by  Values
A    Service Tag             serial_number            synonym   8ZKQ2G3, 4FBN7Q2
B    End of the warranty...  client_warranty_endDate  given     2027-03-04
AA   Room                    (not used)                         2.14, a value...

Every row: category = computers, type = laptop

Missing: name. A new device needs a value. Give one with --set, or name a column
  with --map.

Columns that are not used can be kept with --other-columns attributes.

Warning: column A may have lost leading zeros
";
        let mapping = r#"{"defaults": {"type": "laptop", "category": "computers"}}"#;
        let options = Options::from_json(mapping).unwrap();
        assert_eq!(plan.to_text("laptops.xlsx", &options), expected);
        assert!(expected.lines().all(|line| line.len() <= 80));
    }

    #[test]
    fn counts_name_only_what_happens() {
        let mut counts = PlanCounts::default();
        assert_eq!(counts_text(&counts), "nothing to do");
        counts += PlanCounts {
            create: 1_199,
            fail: 1,
            ..PlanCounts::default()
        };
        assert_eq!(counts_text(&counts), "create 1,199 devices, reject 1 row");
    }
}
