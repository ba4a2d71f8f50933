//! Judges the devices of a CSV file and prints what is wrong with every row.
//!
//! ```text
//! cargo run -p devices-domain --example check_batch -- devices.csv
//! ```
//!
//! The first line names the columns, spelled like the fields of the API. Exits with 1 if a row was
//! refused, and with 2 if the file cannot be read.

use std::process::ExitCode;

use devices_domain::{Batch, BatchRules, RawRow, fields};

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    match (args.next().as_deref(), args.next()) {
        (Some("--help" | "-h"), _) => {
            println!("usage: check_batch FILE.csv\n\ncolumns:");
            for field in fields() {
                let required = if field.required() { " (required)" } else { "" };
                println!("  {}{required}", field.name());
            }
            ExitCode::SUCCESS
        }
        (Some(path), None) => match judge(path) {
            Ok(batch) => print(batch),
            Err(error) => {
                eprintln!("{path} cannot be read: {error}");
                ExitCode::from(2)
            }
        },
        _ => {
            eprintln!("usage: check_batch FILE.csv (--help lists the columns)");
            ExitCode::from(2)
        }
    }
}

fn judge(path: &str) -> Result<Batch, csv::Error> {
    let mut reader = csv::Reader::from_path(path)?;
    let columns = reader.headers()?.clone();
    let mut batch = Batch::new(BatchRules {
        max_devices: usize::MAX,
        ..BatchRules::default()
    });
    for record in reader.records() {
        let record = record?;
        let mut row = RawRow::new();
        for (column, cell) in columns.iter().zip(&record) {
            row.set_text(column, cell);
        }
        batch.push(&row);
    }
    Ok(batch)
}

fn print(batch: Batch) -> ExitCode {
    match batch.into_devices() {
        Ok(devices) => {
            println!("all {} devices are good", devices.len());
            ExitCode::SUCCESS
        }
        Err(report) => {
            for error in report.entries() {
                println!("{error}");
            }
            let shown = report.entries().len();
            if shown < report.total() {
                println!("... and {} more", report.total() - shown);
            }
            println!("{} problems", report.total());
            ExitCode::FAILURE
        }
    }
}
