//! An import that runs: what both ways to send a file have in common.

use std::cell::Cell;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use devices_client::{Client, ImportColumn, ImportRequest, PlanCounts, RetryPolicy};
use devices_import::{FileKind, ImportFile, ImportLimits, ImportOptions, RejectedFormat};
use serde_json::{Value, json};

use super::arguments::Arguments;
use super::explain::explain_local;
use super::fingerprint::Fingerprint;
use super::options::Options;
use super::outcome::{Outcome, batches_text};
use super::plan::{Plan, counts_text};
use super::rejected_rows::RejectedRows;
use super::reporter::Reporter;
use super::{mapping_file, rejected_file};
use crate::confirmation;
use crate::context::Context;
use crate::error::CliError;
use crate::text::{count, wrap};

/// An import that runs.
pub(super) struct Import<'a> {
    pub(super) arguments: &'a Arguments,
    pub(super) options: Options,
    /// Those of the options that state how the file is read.
    reading: ImportOptions,
    pub(super) reporter: Arc<Reporter>,
    context: Context,
    /// Fails soon: the URL may be wrong.
    impatient_client: Client,
    /// Outlasts a restart of the server.
    patient_client: Client,
    has_reached_server: Cell<bool>,
    /// Makes this import another one than earlier imports of the same file.
    word: Option<String>,
}

impl<'a> Import<'a> {
    /// Reads the mapping file and the arguments.
    pub(super) fn new(arguments: &'a Arguments, context: Context) -> Result<Self, CliError> {
        let mapping = arguments.mapping.load.as_deref().map(mapping_file::load);
        let mut options = mapping.transpose()?.unwrap_or_default();
        options.apply(&arguments.reading, &arguments.storing);
        if let Some(path) = &arguments.mapping.save {
            mapping_file::check_target(path)?;
        }
        let reporter = Arc::new(Reporter::new(context.is_json()));
        let client = |policy| -> Result<Client, CliError> {
            let reporter = Arc::clone(&reporter);
            let client = context.client_with_retries(policy)?;
            Ok(client.on_retry(move |retry| reporter.retry(retry)))
        };
        Ok(Self {
            impatient_client: client(RetryPolicy::default())?,
            patient_client: client(RetryPolicy::patient())?,
            arguments,
            reading: options.reading().map_err(CliError::Usage)?,
            options,
            reporter,
            context,
            has_reached_server: Cell::new(false),
            word: arguments.run.again.clone().map(word),
        })
    }

    /// Returns the client for the next request.
    pub(super) fn client(&self) -> &Client {
        if self.has_reached_server.get() {
            &self.patient_client
        } else {
            &self.impatient_client
        }
    }

    /// Remembers that the server responded.
    pub(super) fn set_reached_server(&self) {
        self.has_reached_server.set(true);
    }

    /// Returns the size of the file in bytes.
    pub(super) fn file_size(&self) -> Result<u64, CliError> {
        let metadata = std::fs::metadata(self.path()).map_err(|error| self.cannot_read(error))?;
        if !metadata.is_file() {
            let name = self.path().display();
            return Err(CliError::Usage(format!("{name} is not a file")));
        }
        Ok(metadata.len())
    }

    /// Returns the file.
    pub(super) fn path(&self) -> &Path {
        &self.arguments.file
    }

    /// Returns the name of the file, without directories.
    pub(super) fn file_name(&self) -> String {
        let name = self.path().file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// Opens the file.
    pub(super) fn open(&self) -> Result<BufReader<File>, CliError> {
        let file = File::open(self.path()).map_err(|error| self.cannot_read(error))?;
        Ok(BufReader::with_capacity(1 << 16, file))
    }

    /// Opens the file and interprets its header. Spreadsheets with more rows than these limits
    /// allow do not exist.
    pub(super) fn interpret(&self) -> Result<ImportFile<BufReader<File>>, CliError> {
        let limits = ImportLimits {
            max_rows: u32::MAX as usize,
            max_inflated_bytes: 16 << 30,
            ..ImportLimits::default()
        };
        ImportFile::open(self.open()?, &self.reading, limits).map_err(explain_local)
    }

    /// Returns the fingerprint of the import. Reads the file.
    pub(super) fn fingerprint(&self, part_rows: Option<usize>) -> Result<Fingerprint, CliError> {
        let options = self.options.to_json();
        let word = self.word.as_deref();
        Fingerprint::compute(self.open()?, &options, part_rows, word)
            .map_err(|error| self.cannot_read(error))
    }

    /// Returns the request of a file or of a part of it.
    pub(super) fn request(&self, file: Vec<u8>, options: Value, key: String) -> ImportRequest {
        ImportRequest {
            file_name: self.file_name(),
            file,
            options,
            idempotency_key: Some(key),
        }
    }

    /// Shows the plan, before anything is stored.
    pub(super) fn show_plan(
        &self,
        plan: &Plan,
        counts: Option<&PlanCounts>,
    ) -> Result<(), CliError> {
        self.reporter.clear_progress();
        self.save_mapping()?;
        let mut members = json!(plan);
        members["plan"] = json!(counts);
        self.reporter.event("plan", members)?;
        let text = plan.to_text(&self.file_name(), &self.options.defaults());
        self.tell(text)?;
        counts.map_or(Ok(()), |counts| {
            self.tell(wrap(&format!("Plan: {}.", counts_text(counts)), 2))
        })
    }

    /// Saves the options, if the arguments name a file.
    pub(super) fn save_mapping(&self) -> Result<(), CliError> {
        let path = self.arguments.mapping.save.as_deref();
        path.map_or(Ok(()), |path| mapping_file::save(path, &self.options))
    }

    /// Returns the argument that another run needs to continue this one, after a space.
    pub(super) fn again_argument(&self) -> String {
        let word = self.word.as_deref();
        word.map_or_else(String::new, |word| format!(" with --again={word}"))
    }

    /// Prints what a person decides on. It is the result of a dry run.
    pub(super) fn tell(&self, text: String) -> Result<(), CliError> {
        if self.arguments.run.dry_run {
            self.reporter.result(text)
        } else {
            self.reporter.note(text);
            Ok(())
        }
    }

    /// Asks whether to import, unless the arguments state it.
    pub(super) fn confirm(&self, question: &str) -> Result<(), CliError> {
        if self.arguments.run.yes || confirmation::ask(question, self.context)? {
            return Ok(());
        }
        Err(CliError::Failed("nothing was imported".to_owned()))
    }

    /// Prints the first errors and writes the rejected rows beside the file. Returns the error of
    /// the import.
    pub(super) fn reject(
        &self,
        rejected: &RejectedRows,
        columns: &[ImportColumn],
        consequence: &str,
    ) -> CliError {
        self.reporter.clear_progress();
        self.reporter.note(rejected.to_text(columns));
        let rows = count(rejected.len(), "row");
        let message = match self.write_rejected(rejected, columns) {
            Ok(path) => format!(
                "{rows} rejected, saved with their errors to {}.",
                path.display()
            ),
            Err(error) => format!("{rows} rejected, and not saved to a file: {error}."),
        };
        CliError::RowsRejected(format!("{message}\n{consequence}"))
    }

    fn write_rejected(
        &self,
        rejected: &RejectedRows,
        columns: &[ImportColumn],
    ) -> Result<PathBuf, CliError> {
        for event in rejected.events(columns) {
            self.reporter.event("rejected", event)?;
        }
        let mut file = self.interpret()?;
        let extension = self.rejected_extension(&file.description().kind);
        let format = if extension == "xlsx" {
            RejectedFormat::Xlsx
        } else {
            RejectedFormat::Csv
        };
        let (path, output) = self.create_rejected(extension)?;
        let mut output = BufWriter::new(output);
        let written = file.write_rejected_rows(rejected.by_row(), format, &mut output);
        written.map_err(explain_local)?;
        let flushed = output.flush();
        flushed.map_err(|error| write_error(&path, error))?;
        self.reporter
            .event("rejected_file", json!({ "path": path }))?;
        Ok(path)
    }

    /// Returns the extension of the given name of the file of rejected rows. By default, it is that
    /// of the imported file.
    fn rejected_extension(&self, kind: &FileKind) -> &'static str {
        let given = self.arguments.run.rejected.as_deref();
        let given = given.and_then(Path::extension).unwrap_or_default();
        let default = matches!(kind, FileKind::Xlsx { .. });
        if given.eq_ignore_ascii_case("xlsx") || default && !given.eq_ignore_ascii_case("csv") {
            "xlsx"
        } else {
            "csv"
        }
    }

    fn create_rejected(&self, extension: &str) -> Result<(PathBuf, File), CliError> {
        if let Some(path) = &self.arguments.run.rejected {
            let file = File::create_new(path).map_err(|error| write_error(path, error))?;
            return Ok((path.clone(), file));
        }
        rejected_file::create(self.path(), extension)
            .map_err(|error| write_error(&self.path().with_extension(extension), error))
    }

    /// Prints what was stored. Returns the error if rows are not stored.
    pub(super) fn finish(
        &self,
        outcome: &Outcome,
        rejected: &RejectedRows,
        columns: &[ImportColumn],
    ) -> Result<(), CliError> {
        self.reporter.clear_progress();
        let error = if rejected.len() > 0 {
            let consequence = "Correct them there, and import that file with the same options.";
            Some(self.reject(rejected, columns, consequence))
        } else {
            None
        };
        self.reporter.event("done", json!(outcome))?;
        self.reporter.result(wrap(&outcome.to_text(), 2))?;
        if let Some(batches) = batches_text(&outcome.undone_batches) {
            return Err(CliError::RowsRejected(format!(
                "the rows of {batches} are not stored: they were undone after an earlier run. \
                 Add --again to import the file anew."
            )));
        }
        error.map_or(Ok(()), Err)
    }

    pub(super) fn cannot_read(&self, error: std::io::Error) -> CliError {
        CliError::Usage(format!("cannot read {}: {error}", self.path().display()))
    }
}

/// Returns the word of `--again`: the given one, or a new one.
fn word(given: String) -> String {
    use std::hash::{BuildHasher, RandomState};
    if given.is_empty() {
        let random = RandomState::new().hash_one("again");
        return format!("{random:016x}");
    }
    given
}

fn write_error(path: &Path, error: std::io::Error) -> CliError {
    CliError::Write {
        path: path.to_owned(),
        error,
    }
}
