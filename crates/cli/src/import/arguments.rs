//! Arguments of `devices import`.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use devices_import::{DateFormat, DecimalMark, OtherColumns};
use serde::de::DeserializeOwned;
use serde_json::json;

/// Arguments of `devices import`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Excel workbook (.xlsx) or text file (CSV)
    pub(super) file: PathBuf,
    #[command(flatten)]
    pub(super) reading: ReadingArguments,
    #[command(flatten)]
    pub(super) storing: StoringArguments,
    #[command(flatten)]
    pub(super) mapping: MappingArguments,
    #[command(flatten)]
    pub(super) run: RunArguments,
}

/// Arguments for reading the file.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Reading the file")]
pub(super) struct ReadingArguments {
    /// Use a column for a field, or 'HEADER=' to leave it out
    #[arg(long = "map", value_name = "HEADER=FIELD", value_parser = header_and_field)]
    pub(super) columns: Vec<(String, Option<String>)>,
    /// Value of a field that no column has, such as type=laptop
    #[arg(long = "set", value_name = "FIELD=VALUE", value_parser = field_and_value)]
    pub(super) defaults: Vec<(String, String)>,
    /// Value for a text of the file, such as type:Notebook=laptop
    #[arg(long = "value", value_name = "FIELD:TEXT=VALUE", value_parser = value_translation)]
    pub(super) values: Vec<(String, String, String)>,
    /// Template of names, such as '{Manufacturer} {Model}'
    #[arg(long, value_name = "TEMPLATE")]
    pub(super) name_from: Option<String>,
    /// Action for columns without a field [default: ignore]
    #[arg(long, value_name = "ACTION", value_parser = one_of([
        ("ignore", "List them and leave them out"),
        ("attributes", "Keep them as attributes of the devices"),
        ("error", "Reject the file"),
    ]).try_map(|name| option_value::<OtherColumns>(&name)))]
    pub(super) other_columns: Option<OtherColumns>,
    /// Order of day, month and year in dates [default: detected]
    #[arg(long, value_name = "FORMAT", value_parser = one_of([
        ("YYYY-MM-DD", "2024-12-31"),
        ("DD/MM/YYYY", "31/12/2024, 31.12.24 or 31-12-2024"),
        ("MM/DD/YYYY", "12/31/2024, 12/31/24 or 12-31-2024"),
        ("excel", "45657, a day that Excel shows as a number"),
    ]).try_map(|name| option_value::<DateFormat>(&name)))]
    pub(super) date_format: Option<DateFormat>,
    /// Decimal mark of amounts [default: detected]
    #[arg(long, value_name = "MARK", value_parser = one_of([
        ("point", "1,299.00"),
        ("comma", "1.299,00"),
    ]).try_map(|name| option_value::<DecimalMark>(&name)))]
    pub(super) decimal: Option<DecimalMark>,
    /// Sheet of a workbook [default: the first with rows]
    #[arg(long, value_name = "NAME")]
    pub(super) sheet: Option<String>,
    /// Row with the headers, from 1 [default: detected]
    #[arg(long, value_name = "ROW", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) header_row: Option<u32>,
    /// Encoding of a text file, such as windows-1252 [default: detected]
    #[arg(long, value_name = "NAME")]
    pub(super) encoding: Option<String>,
    /// Delimiter of a text file: a comma, `;`, `|` or tab [default: detected]
    #[arg(long, value_name = "DELIMITER", value_parser = [",", ";", "|", "tab"])]
    #[arg(hide_possible_values = true)]
    pub(super) delimiter: Option<String>,
}

/// Arguments for storing devices.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Storing devices")]
pub(super) struct StoringArguments {
    /// Action for rows whose device is stored already [default: error]
    #[arg(long, value_name = "ACTION", value_parser = one_of([
        ("error", "Reject the row"),
        ("skip", "Leave the stored device as it is"),
        ("update", "Update the stored device"),
    ]))]
    pub(super) on_conflict: Option<String>,
    /// Field that finds the stored device of a row [default: serial number]
    #[arg(long = "match", value_name = "FIELD", value_parser = one_of([
        ("serial_number", "By serial number"),
        ("asset_tag", "By asset tag"),
    ]))]
    pub(super) match_field: Option<String>,
    /// Action for empty cells if a row updates a device [default: keep]
    #[arg(long, value_name = "ACTION", value_parser = one_of([
        ("keep", "Keep the stored value"),
        ("clear", "Clear the stored value"),
    ]))]
    pub(super) nulls: Option<String>,
    /// Action for email addresses of unknown users [default: error]
    #[arg(long, value_name = "ACTION", value_parser = one_of([
        ("error", "Reject the row"),
        ("create", "Create the user"),
        ("leave_out", "Store the device without a user"),
    ]))]
    pub(super) unknown_users: Option<String>,
    /// Store the valid rows even if others are rejected
    ///
    /// Files above the limits of the server need this: they are sent in parts, and each part is
    /// stored by itself.
    #[arg(long)]
    pub(super) no_atomic: bool,
}

/// Files that keep these options.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Mapping files")]
pub(super) struct MappingArguments {
    /// Read these options from a file. Arguments override them
    #[arg(long = "mapping", value_name = "FILE")]
    pub(super) load: Option<PathBuf>,
    /// Save these options to a file, for the next import
    #[arg(long = "save-mapping", value_name = "FILE")]
    pub(super) save: Option<PathBuf>,
}

/// Arguments for running the program.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Running")]
pub(super) struct RunArguments {
    /// Show what would be stored, and store nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Import without asking
    #[arg(short, long, conflicts_with = "dry_run")]
    pub(super) yes: bool,
    /// Import a file that was imported before
    ///
    /// Otherwise, a file is imported once with the same options, even if it was undone since. An
    /// interrupted run with --again prints the WORD that continues it.
    #[arg(
        long,
        value_name = "WORD",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        conflicts_with = "dry_run"
    )]
    pub(super) again: Option<String>,
    /// File for the rejected rows
    ///
    /// By default, NAME.rejected.xlsx or NAME.rejected.csv beside the file. The end of the name
    /// chooses the format. An existing file is never replaced.
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    pub(super) rejected: Option<PathBuf>,
    /// Maximum number of rows of a part
    ///
    /// Only files above the limits of the server are sent in parts.
    #[arg(long, value_name = "ROWS", default_value = "20000")]
    pub(super) part_rows: NonZeroUsize,
}

impl ReadingArguments {
    /// Checks that no column, field or text is given twice. Returns a sentence about the first that
    /// is.
    pub(super) fn check_unique(&self) -> Result<(), String> {
        let columns = self.columns.iter();
        let columns = columns.map(|(header, _)| format!("--map '{header}'"));
        let defaults = self.defaults.iter();
        let defaults = defaults.map(|(field, _)| format!("--set {field}"));
        let values = self.values.iter();
        let values = values.map(|(field, text, _)| format!("--value '{field}:{text}'"));
        let mut known = BTreeSet::new();
        for argument in columns.chain(defaults).chain(values) {
            if known.contains(&argument) {
                return Err(format!("{argument} is given twice"));
            }
            known.insert(argument);
        }
        Ok(())
    }
}

/// Returns a parser of values, each with its description.
fn one_of<const N: usize>(values: [(&'static str, &'static str); N]) -> PossibleValuesParser {
    let values = values.map(|(value, help)| PossibleValue::new(value).help(help));
    PossibleValuesParser::new(values)
}

/// Returns the option with this name.
fn option_value<T: DeserializeOwned>(name: &str) -> Result<T, serde_json::Error> {
    serde_json::from_value(json!(name))
}

/// Parses `HEADER=FIELD`. A header may contain `=`, a field does not.
fn header_and_field(argument: &str) -> Result<(String, Option<String>), &'static str> {
    let parts = argument
        .rsplit_once('=')
        .filter(|(header, _)| !header.is_empty());
    let (header, field) = parts.ok_or("write HEADER=FIELD, such as 'Service Tag=serial_number'")?;
    Ok((
        header.to_owned(),
        Some(field.to_owned()).filter(|field| !field.is_empty()),
    ))
}

/// Parses `FIELD=VALUE`.
fn field_and_value(argument: &str) -> Result<(String, String), &'static str> {
    let parts = argument
        .split_once('=')
        .filter(|(field, _)| !field.is_empty());
    let (field, value) = parts.ok_or("write FIELD=VALUE, such as type=laptop")?;
    Ok((field.to_owned(), value.to_owned()))
}

/// Parses `FIELD:TEXT=VALUE`. The text of a file may contain `=`, the values of fields do not.
fn value_translation(argument: &str) -> Result<(String, String, String), &'static str> {
    let parts = argument.split_once(':').and_then(|(field, translation)| {
        let (text, value) = translation.rsplit_once('=')?;
        (!field.is_empty()).then_some((field, text, value))
    });
    let (field, text, value) =
        parts.ok_or("write FIELD:TEXT=VALUE, such as type:Notebook=laptop")?;
    Ok((field.to_owned(), text.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_may_contain_an_equals_sign() {
        let mapping =
            |header: &str, field: Option<&str>| Ok((header.into(), field.map(Into::into)));
        assert_eq!(
            header_and_field("Service Tag=serial_number"),
            mapping("Service Tag", Some("serial_number"))
        );
        assert_eq!(header_and_field("a=b=name"), mapping("a=b", Some("name")));
        assert_eq!(header_and_field("Room="), mapping("Room", None));
        for invalid in ["Room", "=name", ""] {
            assert!(header_and_field(invalid).is_err(), "{invalid}");
        }
    }

    #[test]
    fn repeated_argument_is_rejected() {
        let mut reading = ReadingArguments {
            columns: vec![("name".into(), Some("name".into())), ("b".into(), None)],
            defaults: vec![("name".into(), "x".into())],
            ..ReadingArguments::default()
        };
        assert_eq!(reading.check_unique(), Ok(()));
        reading
            .columns
            .push(("name".into(), Some("comment".into())));
        let expected = Err("--map 'name' is given twice".to_owned());
        assert_eq!(reading.check_unique(), expected);
    }

    #[test]
    fn value_may_contain_an_equals_sign() {
        let value = ("comment".into(), "a=b".into());
        assert_eq!(field_and_value("comment=a=b"), Ok(value));
        assert!(field_and_value("=laptop").is_err());
    }

    #[test]
    fn translation_has_field_text_and_value() {
        let translation = ("type".into(), "Note: book".into(), "laptop".into());
        assert_eq!(value_translation("type:Note: book=laptop"), Ok(translation));
        for invalid in ["type=laptop", ":a=b", "type:Notebook"] {
            assert!(value_translation(invalid).is_err(), "{invalid}");
        }
    }
}
