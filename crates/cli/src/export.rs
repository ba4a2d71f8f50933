//! Command `export`.

use std::fs::{self, File};
use std::io::{self, ErrorKind, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use devices_client::ExportFormat;
use indicatif::{ProgressBar, ProgressStyle};

use crate::context::Context;
use crate::error::CliError;
use crate::list::FilterArguments;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Format of the devices
    #[arg(long, short, default_value = "csv")]
    format: Format,
    /// File instead of standard output. It is replaced only by a complete export
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    filter: FilterArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// CSV in UTF-8
    Csv,
    /// CSV that Excel opens with all characters intact
    Excel,
    /// One JSON object per line
    Ndjson,
    /// One JSON object: a body of POST /devices
    Json,
}

impl From<Format> for ExportFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Csv => Self::Csv,
            Format::Excel => Self::CsvForExcel,
            Format::Ndjson => Self::Ndjson,
            Format::Json => Self::Json,
        }
    }
}

/// Writes the devices.
pub(crate) fn run(arguments: Arguments, context: Context) -> Result<(), CliError> {
    let client = context.client()?;
    let filter = arguments.filter.into();
    let mut export = client.export(&filter, arguments.format.into())?;
    let bar = progress_bar(context, arguments.output.is_some());
    let result = match &arguments.output {
        Some(path) => write_file(&mut export, path, &bar),
        None => write_standard_output(&mut export, &bar),
    };
    bar.finish_and_clear();
    result
}

/// Returns a bar that counts bytes, hidden unless a person looks at standard error only.
fn progress_bar(context: Context, has_file: bool) -> ProgressBar {
    let is_visible = context.shows_progress() && (has_file || !io::stdout().is_terminal());
    if !is_visible {
        return ProgressBar::hidden();
    }
    let template = "{spinner} {bytes} ({bytes_per_sec}) in {elapsed}";
    let style = ProgressStyle::with_template(template).expect("the template is valid");
    ProgressBar::new_spinner().with_style(style)
}

fn write_standard_output(export: &mut impl Read, bar: &ProgressBar) -> Result<(), CliError> {
    match copy(export, io::stdout().lock(), bar) {
        Ok(()) => Ok(()),
        Err(CopyError::Read(error)) => Err(incomplete(&error)),
        Err(CopyError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(CopyError::Write(error)) => Err(CliError::Output(error)),
    }
}

/// Writes beside the file, and replaces it at the end.
fn write_file(export: &mut impl Read, path: &Path, bar: &ProgressBar) -> Result<(), CliError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    let part = PathBuf::from(name);
    let failed = |error| CliError::Write {
        path: path.to_owned(),
        error,
    };
    let written = match File::create(&part) {
        Ok(file) => copy(export, file, bar),
        Err(error) => return Err(failed(error)),
    };
    let result = match written {
        Ok(()) => fs::rename(&part, path).map_err(failed),
        Err(CopyError::Read(error)) => Err(incomplete(&error)),
        Err(CopyError::Write(error)) => Err(failed(error)),
    };
    if result.is_err() {
        // The first error is the one to report.
        drop(fs::remove_file(&part));
    }
    result
}

enum CopyError {
    Read(io::Error),
    Write(io::Error),
}

fn copy(input: &mut impl Read, mut output: impl Write, bar: &ProgressBar) -> Result<(), CopyError> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(CopyError::Read(error)),
        };
        output
            .write_all(&buffer[..length])
            .map_err(CopyError::Write)?;
        bar.inc(length as u64);
    }
    output.flush().map_err(CopyError::Write)
}

fn incomplete(error: &io::Error) -> CliError {
    CliError::Failed(format!(
        "the export is incomplete, because the connection was lost ({error}). Repeat it."
    ))
}
