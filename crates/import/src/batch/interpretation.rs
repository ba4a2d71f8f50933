//! Interpretation of a file that cannot be imported yet.

use std::io::Cursor;

use crate::columns::Column;
use crate::description::{FileDescription, Warning};
use crate::error::{ErrorColumn, FileError, FileErrorReason, ImportError, OptionError};
use crate::file::ImportFile;
use crate::limits::ImportLimits;
use crate::options::{DateFormat, ImportOptions, OtherColumns, pointer};
use crate::text::shorten;

/// Maximum number of times that a file is opened, without the faults of earlier attempts.
const MAX_ATTEMPTS: usize = 12;

/// Maximum number of errors after which members of `columns` are removed one by one. The options
/// may belong to another file.
const MAX_SINGLE_COLUMNS: usize = 5;

/// Interpretation of a file, without its rows.
///
/// The columns have samples, which are values of the file: show them to the sender of the file, and
/// neither store nor log them.
pub struct Interpretation {
    /// Detected properties of the file.
    pub description: FileDescription,
    /// All columns, in order.
    pub columns: Vec<Column>,
    /// Warnings.
    pub warnings: Vec<Warning>,
    /// Required fields that neither a column, a default nor the name template provides.
    pub missing_fields: Vec<&'static str>,
    /// Errors that other options solve: two columns for one field, dates whose order of day and
    /// month is not clear, an option that does not fit the file. The rest is interpreted as if the
    /// options had no such fault. An import of the file fails with the first error.
    pub errors: Vec<ImportError>,
}

/// Interprets a file. Errors that other options solve are part of the interpretation, so that the
/// sender of the file sees the columns and can choose these options.
///
/// # Errors
/// An error that no option solves, such as a damaged file or too many rows.
pub fn interpret_file(
    bytes: &[u8],
    options: &ImportOptions,
    limits: ImportLimits,
) -> Result<Interpretation, ImportError> {
    let mut options = options.clone();
    let mut errors = Vec::new();
    loop {
        let error = match ImportFile::open(Cursor::new(bytes), &options, limits) {
            Ok(file) => return Ok(interpretation(&file, errors)),
            Err(error) => error,
        };
        if errors.len() + 1 >= MAX_ATTEMPTS || !remove_fault(&mut options, &error) {
            return Err(error);
        }
        errors.push(error);
        if errors
            .iter()
            .filter(|error| is_column_option(error))
            .count()
            == MAX_SINGLE_COLUMNS
        {
            options.columns.clear();
        }
    }
}

fn interpretation(file: &ImportFile<Cursor<&[u8]>>, errors: Vec<ImportError>) -> Interpretation {
    let mut columns = file.columns().to_vec();
    if errors.iter().any(is_ambiguous_date) {
        for column in &mut columns {
            column.date_format = None;
        }
    }
    Interpretation {
        description: file.description().clone(),
        columns,
        warnings: file.warnings().to_vec(),
        missing_fields: file.missing_fields(),
        errors,
    }
}

/// Returns whether a member of `columns` is invalid. Such errors come before those of two columns
/// for one field, for which [`leave_out`] adds members.
fn is_column_option(error: &ImportError) -> bool {
    matches!(error, ImportError::Option(error) if error.pointer.starts_with("/columns/"))
}

fn is_ambiguous_date(error: &ImportError) -> bool {
    matches!(error, ImportError::File(error) if error.reason == FileErrorReason::AmbiguousDate)
}

/// Changes the options so that the error does not occur again. Returns whether it could.
fn remove_fault(options: &mut ImportOptions, error: &ImportError) -> bool {
    match error {
        ImportError::File(error) => remove_file_fault(options, error),
        ImportError::Option(error) => remove_option(options, error),
        ImportError::Io(_) => false,
    }
}

fn remove_file_fault(options: &mut ImportOptions, error: &FileError) -> bool {
    match error.reason {
        FileErrorReason::AmbiguousDate => {
            // Only the columns are of interest: no date is read.
            options.date_format.replace(DateFormat::YearFirst).is_none()
        }
        FileErrorReason::UnknownColumn => {
            std::mem::take(&mut options.other_columns) == OtherColumns::Error
        }
        FileErrorReason::DuplicateField => {
            for column in &error.columns {
                leave_out(options, column);
            }
            !error.columns.is_empty()
        }
        _ => false,
    }
}

/// Assigns no field to a column, in whatever case the options name it.
fn leave_out(options: &mut ImportOptions, column: &ErrorColumn) {
    let is_other = |name: &str| shorten(name).to_lowercase() != column.name.to_lowercase();
    options.columns.retain(|name, _| is_other(name));
    options.columns.insert(column.name.clone(), None);
}

/// Removes the option with the error: a member of `columns` alone, and any other option as a whole.
fn remove_option(options: &mut ImportOptions, error: &OptionError) -> bool {
    let default = ImportOptions::default();
    let option = error.pointer.split('/').nth(1).unwrap_or_default();
    let previous = options.clone();
    match option {
        "sheet" => options.sheet = default.sheet,
        "header_row" => options.header_row = default.header_row,
        "encoding" => options.encoding = default.encoding,
        "delimiter" => options.delimiter = default.delimiter,
        "columns" => {
            let is_other = |name: &str| pointer(&["columns", name]) != error.pointer;
            options.columns.retain(|name, _| is_other(name));
        }
        "defaults" => options.defaults = default.defaults,
        "values" => options.values = default.values,
        "name_from" => options.name_from = default.name_from,
        _ => {}
    }
    *options != previous
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interpret(text: &str, options: &str) -> Result<Interpretation, ImportError> {
        let (options, _) = ImportOptions::parse(options, &[]).unwrap();
        interpret_file(text.as_bytes(), &options, ImportLimits::default())
    }

    fn fields(interpretation: &Interpretation) -> Vec<Option<&str>> {
        let columns = interpretation.columns.iter();
        columns.map(|column| column.field.as_deref()).collect()
    }

    #[test]
    fn file_without_faults_is_interpreted() {
        let text = "Serial number;Purchase date;Room\nSN-1;31/05/2024;2.14\nSN-2;03/04/2024;\n";
        let interpretation = interpret(text, "{}").unwrap();
        assert!(interpretation.errors.is_empty());
        assert_eq!(
            fields(&interpretation),
            [Some("serial_number"), Some("client_purchase_date"), None]
        );
        let [_, date, room] = &interpretation.columns[..] else {
            panic!("three columns");
        };
        assert_eq!(date.date_format, Some(DateFormat::DayFirst));
        assert_eq!(room.samples, ["2.14"]);
        assert_eq!(interpretation.missing_fields, ["name", "type", "category"]);
        assert_eq!(interpretation.description.rows, 2);
    }

    #[test]
    fn faults_of_options_leave_the_columns() {
        let text = "name,Name 2,Purchase date,Kind\nA,B,03/04/2024,laptop\n";
        let options = r#"{
            "columns": {"name": "name", "NAME 2": "name", "Kind": "kind"},
            "defaults": {"type": ""}, "header_row": 9
        }"#;
        let interpretation = interpret(text, options).unwrap();
        let errors: Vec<_> = interpretation
            .errors
            .iter()
            .map(|error| match error {
                ImportError::File(error) => error.reason.as_str().to_owned(),
                ImportError::Option(error) => error.pointer.clone(),
                ImportError::Io(_) => panic!("io"),
            })
            .collect();
        assert_eq!(
            errors,
            [
                "/header_row",
                "/columns/Kind",
                "duplicate_field",
                "/defaults/type",
                "ambiguous_date",
            ]
        );
        assert_eq!(
            fields(&interpretation),
            [None, None, Some("client_purchase_date"), None]
        );
        assert_eq!(interpretation.columns[2].date_format, None);
    }

    #[test]
    fn errors_that_no_option_solves_are_returned() {
        for text in ["", "%PDF-1.7", "name,type\n"] {
            assert!(interpret(text, "{}").is_err(), "{text}");
        }
    }

    #[test]
    fn options_of_another_file_leave_the_columns() {
        let columns = (0..40).map(|index| format!("C{index}")).collect::<Vec<_>>();
        let options = columns.iter().map(|name| format!("{name:?}:\"none\""));
        let options = options.collect::<Vec<_>>().join(",");
        let options = format!("{{\"columns\":{{{options}}}}}");
        let interpretation = interpret("name,Room\nA,2.14\n", &options).unwrap();
        assert_eq!(fields(&interpretation), [Some("name"), None]);
        assert_eq!(interpretation.errors.len(), MAX_SINGLE_COLUMNS);
    }
}
