//! Tests of whole files: what they are read as, and what is written from them.

mod columns;
mod generated;
mod header;
mod parts;
mod rejected;
mod sources;
mod traps;
mod warnings;

use std::collections::BTreeMap;
use std::io::Cursor;

use devices_domain::{Amount, FieldValue, InvalidValue, RawRow, RawValue};
use devices_import::{
    FileError, ImportError, ImportFile, ImportLimits, ImportOptions, OptionError, RejectedCell,
    RejectedFormat,
};
use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook};

type File = ImportFile<Cursor<Vec<u8>>>;

fn options(json: &str) -> ImportOptions {
    ImportOptions::parse(json, &[]).expect("valid options").0
}

fn try_open(bytes: impl AsRef<[u8]>, json: &str) -> Result<File, ImportError> {
    let reader = Cursor::new(bytes.as_ref().to_vec());
    ImportFile::open(reader, &options(json), ImportLimits::default())
}

fn open(bytes: impl AsRef<[u8]>, json: &str) -> File {
    try_open(bytes, json).expect("a valid file")
}

fn file_error(bytes: impl AsRef<[u8]>, json: &str) -> FileError {
    match try_open(bytes, json).err() {
        Some(ImportError::File(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn option_error(bytes: impl AsRef<[u8]>, json: &str) -> OptionError {
    match try_open(bytes, json).err() {
        Some(ImportError::Option(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// Row of a file, without empty values.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    number: u32,
    values: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Text(String),
    Boolean(bool),
    Integer(i64),
    List(Vec<String>),
    /// Reason and detail.
    Invalid(&'static str, String),
}

impl Row {
    fn new(number: u32, raw: &RawRow<'_>) -> Self {
        let mut values = BTreeMap::new();
        for (name, value) in raw.present_fields() {
            if let RawValue::Object(members) = value {
                for (key, value) in members {
                    let value = Value::new(value);
                    values.extend(value.map(|value| (format!("{name}.{key}"), value)));
                }
            } else {
                values.extend(Value::new(value).map(|value| (name.to_owned(), value)));
            }
        }
        Self { number, values }
    }

    fn text(&self, field: &str) -> &str {
        match self.values.get(field) {
            None => "",
            Some(Value::Text(text)) => text,
            other => panic!("{field}: {other:?}"),
        }
    }

    /// Returns the reason of an invalid value.
    fn reason(&self, field: &str) -> &'static str {
        match self.values.get(field) {
            Some(Value::Invalid(reason, _)) => reason,
            other => panic!("{field}: {other:?}"),
        }
    }
}

impl Value {
    fn new(value: &RawValue<'_>) -> Option<Self> {
        match value {
            RawValue::Text(text) if text.trim().is_empty() => None,
            RawValue::Text(text) => Some(Self::Text(text.trim().to_owned())),
            RawValue::Boolean(value) => Some(Self::Boolean(*value)),
            RawValue::Integer(value) => Some(Self::Integer(*value)),
            RawValue::Invalid(invalid) => {
                let InvalidValue { reason, detail, .. } = &**invalid;
                Some(Self::Invalid(reason.as_str(), detail.to_string()))
            }
            RawValue::List(items) => {
                let items = items.iter().map(|item| match item {
                    RawValue::Text(text) => text.to_string(),
                    other => panic!("{other:?}"),
                });
                Some(Self::List(items.collect()))
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Returns the value without the words of an error. An amount with more than two decimals is one.
fn validated(field: &str, value: &Value) -> Value {
    match value {
        Value::Text(text) if field == "client_purchase_price" => {
            match Amount::parse(&RawValue::text(text)) {
                Ok(amount) => Value::Text(amount.to_string()),
                Err(_) => Value::Invalid("damaged", String::new()),
            }
        }
        // A number of 16 digits outside of identifiers is written as an error value.
        Value::Invalid(..) => Value::Invalid("damaged", String::new()),
        value => value.clone(),
    }
}

fn rows(file: &mut File) -> Vec<Row> {
    let mut rows = Vec::new();
    file.read_rows(|number, raw| rows.push(Row::new(number, raw)))
        .expect("a readable file");
    rows
}

/// Reads the values of one field.
fn values(bytes: impl AsRef<[u8]>, json: &str, field: &str) -> Vec<Option<Value>> {
    let rows = rows(&mut open(bytes, json));
    rows.iter()
        .map(|row| row.values.get(field).cloned())
        .collect()
}

/// Returns the fields of the columns, `-` for a column without one.
fn fields(file: &File) -> Vec<&str> {
    let columns = file.columns().iter();
    columns
        .map(|column| column.field.as_deref().unwrap_or("-"))
        .collect()
}

/// A cell of a workbook.
#[derive(Debug, Clone, Copy)]
enum C {
    T(&'static str),
    N(f64),
    D(&'static str),
    B(bool),
    E,
}

/// Writes a workbook with one sheet, `Inventory`.
fn workbook(rows: &[&[C]]) -> Vec<u8> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.set_name("Inventory").expect("a valid name");
    let date = Format::new().set_num_format("yyyy-mm-dd");
    for (row, cells) in (0..).zip(rows) {
        for (column, cell) in (0..).zip(*cells) {
            match cell {
                C::T(text) => sheet.write(row, column, *text),
                C::N(number) => sheet.write(row, column, *number),
                C::D(text) => {
                    let day = ExcelDateTime::parse_from_str(text).expect("a date");
                    sheet.write_with_format(row, column, &day, &date)
                }
                C::B(value) => sheet.write(row, column, *value),
                C::E => {
                    sheet.write_formula(row, column, Formula::new("=1/0").set_result("#DIV/0!"))
                }
            }
            .expect("a valid cell");
        }
    }
    workbook.save_to_buffer().expect("memory")
}

/// Writes the given rows as rejected, each with an error of its first column.
fn rejected(file: &mut File, rows: &[u32], format: RejectedFormat) -> Vec<u8> {
    let error = RejectedCell {
        column: Some(0),
        message: "`serial_number` must not be empty".to_owned(),
    };
    let errors = rows.iter().map(|row| (*row, vec![error.clone()])).collect();
    let mut output = Vec::new();
    file.write_rejected_rows(&errors, format, &mut output)
        .expect("memory");
    output
}
