//! Validates the devices of a CSV file and prints every error of every row.
//!
//! ```text
//! cargo run -p devices-domain --example check_batch -- devices.csv
//! ```
//!
//! The first line contains the names of the columns, spelled like the fields of the API. The exit
//! code is 1 if a row is invalid, and 2 if the file cannot be read.

use std::io::{self, Write};
use std::process::ExitCode;

use devices_domain::{Batch, BatchRules, ErrorCode, FieldError, Format, RawRow, Reason, fields};

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let result = match (args.next().as_deref(), args.next()) {
        (Some("--help" | "-h"), _) => print_help(),
        (Some(path), None) => match read_batch(path) {
            Ok(batch) => print_result(batch),
            Err(error) => {
                eprintln!("cannot read {path}: {error}");
                Ok(ExitCode::from(2))
            }
        },
        _ => {
            eprintln!("usage: check_batch FILE.csv (--help lists the columns)");
            Ok(ExitCode::from(2))
        }
    };
    result.unwrap_or_else(|error| {
        eprintln!("cannot write the output: {error}");
        ExitCode::from(2)
    })
}

fn print_help() -> io::Result<ExitCode> {
    let mut output = io::stdout().lock();
    writeln!(output, "usage: check_batch FILE.csv\n\ncolumns:")?;
    for field in fields() {
        let required = if field.is_required() {
            " (required)"
        } else {
            ""
        };
        let key = match field.format() {
            Format::Attributes { .. } => ".KEY",
            _ => "",
        };
        writeln!(output, "  {}{key}{required}", field.name())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn read_batch(path: &str) -> Result<Batch, csv::Error> {
    let mut reader = csv::Reader::from_path(path)?;
    let columns = reader.headers()?.clone();
    let mut batch = Batch::new(BatchRules {
        max_devices: usize::MAX,
        max_errors: usize::MAX,
        ..BatchRules::default()
    });
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                batch.push_invalid(unreadable_row(error)?);
                continue;
            }
        };
        let mut row = RawRow::for_device();
        for (column, cell) in columns.iter().zip(&record) {
            row.set_text(column, cell);
        }
        batch.push(&row);
    }
    Ok(batch)
}

/// Converts an error that concerns a single row, so that the other rows are still validated.
fn unreadable_row(error: csv::Error) -> Result<impl FnOnce() -> FieldError, csv::Error> {
    let (reason, detail) = match error.kind() {
        csv::ErrorKind::Utf8 { .. } => (Reason::NotUtf8, "is not UTF-8".to_owned()),
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => (
            Reason::WrongType,
            format!("must have {expected_len} cells, like the first line, not {len}"),
        ),
        _ => return Err(error),
    };
    Ok(move || FieldError::whole(ErrorCode::InvalidBody, reason, detail))
}

fn print_result(batch: Batch) -> io::Result<ExitCode> {
    let mut output = io::stdout().lock();
    match batch.into_devices() {
        Ok(devices) => {
            writeln!(output, "all {} devices are valid", devices.len())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(report) => {
            for error in report.entries() {
                writeln!(output, "{error}")?;
            }
            let noun = if report.total() == 1 {
                "error"
            } else {
                "errors"
            };
            writeln!(output, "{} {noun}", report.total())?;
            Ok(ExitCode::FAILURE)
        }
    }
}
