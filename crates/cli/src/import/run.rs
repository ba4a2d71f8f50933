//! State of an import, shared by whole files and parts.

use std::cell::Cell;
use std::fs::File;
use std::io::{BufReader, BufWriter, Cursor, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use devices_client::{Client, ImportColumn, ImportRequest, PlanCounts, RetryPolicy};
use devices_import::{FileKind, ImportFile, ImportLimits, RejectedFormat};
use serde_json::{Value, json};

use super::arguments::Arguments;
use super::explain::explain_local;
use super::file_version::FileVersion;
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

/// Rejected rows of a file.
pub(super) struct Rejection<'a> {
    pub(super) rows: &'a RejectedRows,
    pub(super) columns: &'a [ImportColumn],
    /// Content of the file. `None`: the file is read again.
    pub(super) content: Option<&'a [u8]>,
}

/// State of an import.
pub(super) struct Import<'a> {
    pub(super) arguments: &'a Arguments,
    pub(super) options: Options,
    pub(super) reporter: Arc<Reporter>,
    context: Context,
    /// Fails soon: the URL may be wrong.
    impatient_client: Client,
    /// Outlasts a restart of the server.
    patient_client: Client,
    has_reached_server: Cell<bool>,
    /// Makes the idempotency keys differ from those of earlier imports.
    pub(super) nonce: Option<String>,
}

impl<'a> Import<'a> {
    /// Reads the mapping file and the arguments.
    pub(super) fn new(arguments: &'a Arguments, context: Context) -> Result<Self, CliError> {
        arguments.reading.check_unique().map_err(CliError::Usage)?;
        let mapping = arguments.mapping.load.as_deref().map(mapping_file::load);
        let mut options = mapping.transpose()?.unwrap_or_default();
        options.apply(&arguments.reading, &arguments.storing);
        if let Some(path) = &arguments.mapping.save {
            mapping_file::check_target(path)?;
        }
        if let Some(path) = arguments
            .run
            .rejected
            .as_deref()
            .filter(|path| path.exists())
        {
            let name = path.display();
            let message = format!("{name} exists. Choose another file for the rejected rows.");
            return Err(CliError::Usage(message));
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
            options,
            reporter,
            context,
            has_reached_server: Cell::new(false),
            nonce: arguments.run.again.clone().map(nonce),
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

    /// Returns the size and the modification time of the file.
    pub(super) fn file_version(&self) -> Result<FileVersion, CliError> {
        FileVersion::of(self.path()).map_err(|error| self.cannot_read(error))
    }

    /// Opens the file.
    pub(super) fn open(&self) -> Result<BufReader<File>, CliError> {
        let file = File::open(self.path()).map_err(|error| self.cannot_read(error))?;
        Ok(BufReader::with_capacity(1 << 16, file))
    }

    /// Interprets the header of a file. Spreadsheets with more rows than these limits allow do not
    /// exist.
    pub(super) fn interpret<R: Read + Seek>(&self, file: R) -> Result<ImportFile<R>, CliError> {
        let limits = ImportLimits {
            max_rows: u32::MAX as usize,
            max_inflated_bytes: 16 << 30,
            ..ImportLimits::default()
        };
        ImportFile::open(file, &self.options.file, limits).map_err(explain_local)
    }

    /// Returns the fingerprint of the import of a file.
    pub(super) fn fingerprint(
        &self,
        file: impl Read,
        part_rows: Option<usize>,
    ) -> Result<Fingerprint, CliError> {
        let options = self.options.to_json();
        let nonce = self.nonce.as_deref();
        Fingerprint::compute(file, &options, part_rows, nonce)
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
        let text = plan.to_text(&self.file_name(), &self.options);
        self.print_plan(text)?;
        counts.map_or(Ok(()), |counts| {
            self.print_plan(wrap(&format!("Plan: {}.", counts_text(counts)), 2))
        })
    }

    /// Saves the options, if the arguments name a file.
    pub(super) fn save_mapping(&self) -> Result<(), CliError> {
        let path = self.arguments.mapping.save.as_deref();
        path.map_or(Ok(()), |path| mapping_file::save(path, &self.options))
    }

    /// Returns the advice to continue an import in parts. Other parts would have other keys.
    pub(super) fn continuation(&self) -> String {
        let nonce = self.nonce.as_deref();
        let again = nonce.map_or_else(String::new, |nonce| format!("--again={nonce} and "));
        format!(
            "Run the same command again with {again}--part-rows {} to continue: parts that are \
             stored are not stored twice.",
            self.arguments.run.part_rows
        )
    }

    /// Prints the plan, on which a person decides. It is the result of a dry run.
    pub(super) fn print_plan(&self, text: String) -> Result<(), CliError> {
        if self.arguments.run.dry_run {
            self.reporter.result(text)
        } else {
            self.reporter.note(text);
            Ok(())
        }
    }

    /// Asks a question, unless the arguments answer it. Returns whether the answer is yes.
    pub(super) fn ask(&self, question: &str) -> Result<bool, CliError> {
        Ok(self.arguments.run.yes || confirmation::ask(question, self.context)?)
    }

    /// Asks whether to import, unless the arguments state it.
    ///
    /// # Errors
    /// Returns an error if the answer is no.
    pub(super) fn confirm(&self, question: &str) -> Result<(), CliError> {
        if self.ask(question)? {
            return Ok(());
        }
        Err(CliError::Failed("nothing was imported".to_owned()))
    }

    /// Prints the first errors, and writes the rejected rows beside the file. Returns a sentence
    /// that names the file.
    ///
    /// # Errors
    /// Returns a sentence that states why there is no such file.
    pub(super) fn save_rejected(&self, rejection: &Rejection<'_>) -> Result<String, String> {
        let rows = count(rejection.rows.len(), "row");
        let printed = self.print_rejected(rejection);
        match printed.and_then(|()| self.write_rejected(rejection)) {
            Ok(path) => Ok(format!(
                "{rows} rejected, saved with their errors to {}.",
                path.display()
            )),
            Err(error) => Err(format!(
                "{rows} rejected, and not saved to a file: {error}.\nRun the same command again \
                 with --rejected FILE to save them in another place. Nothing is stored twice."
            )),
        }
    }

    /// Reports the rejected rows of an earlier import. The earlier run has saved them, so that they
    /// are saved only if the arguments name a file.
    pub(super) fn report_earlier_rejected(
        &self,
        rejection: &Rejection<'_>,
    ) -> Result<(), CliError> {
        let message = if self.arguments.run.rejected.is_some() {
            self.save_rejected(rejection)
                .unwrap_or_else(|message| message)
        } else {
            self.print_rejected(rejection)?;
            let rows = count(rejection.rows.len(), "row");
            format!("{rows} rejected then. Add --rejected FILE to save them with their errors.")
        };
        self.reporter.note(wrap(&message, 2));
        Ok(())
    }

    fn print_rejected(&self, rejection: &Rejection<'_>) -> Result<(), CliError> {
        self.reporter.clear_progress();
        self.reporter
            .note(rejection.rows.to_text(rejection.columns));
        for event in rejection.rows.events(rejection.columns) {
            self.reporter.event("rejected", event)?;
        }
        Ok(())
    }

    fn write_rejected(&self, rejection: &Rejection<'_>) -> Result<PathBuf, CliError> {
        let rows = rejection.rows;
        let path = match rejection.content {
            Some(content) => self.copy_rejected(rows, Cursor::new(content)),
            None => self.copy_rejected(rows, self.open()?),
        }?;
        let members = json!({ "path": path.to_string_lossy() });
        self.reporter.event("rejected_file", members)?;
        Ok(path)
    }

    /// Copies the rejected rows of a file to a new file. Returns its path.
    fn copy_rejected<R: Read + Seek>(
        &self,
        rows: &RejectedRows,
        file: R,
    ) -> Result<PathBuf, CliError> {
        let mut file = self.interpret(file)?;
        let extension = self.rejected_extension(&file.description().kind);
        let format = if extension == "xlsx" {
            RejectedFormat::Xlsx
        } else {
            RejectedFormat::Csv
        };
        let (path, output) = self.create_rejected(extension)?;
        let mut output = BufWriter::new(output);
        let written = file.write_rejected_rows(rows.by_row(), format, &mut output);
        written.map_err(explain_local)?;
        let flushed = output.flush();
        flushed.map_err(|error| write_error(&path, error))?;
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
    }

    /// Prints what was stored. Returns the error if rows are not stored.
    pub(super) fn finish(
        &self,
        outcome: &Outcome,
        rejection: &Rejection<'_>,
    ) -> Result<(), CliError> {
        self.reporter.clear_progress();
        let mut error = None;
        if rejection.rows.len() > 0 && outcome.is_replayed() {
            self.report_earlier_rejected(rejection)?;
            let rows = count(rejection.rows.len(), "row");
            error = Some(CliError::RowsRejected(format!("{rows} rejected")));
        } else if rejection.rows.len() > 0 {
            let saved = self.save_rejected(rejection).map(|message| {
                message + "\nCorrect them there, and import that file with the same options."
            });
            let message = saved.unwrap_or_else(|message| message);
            error = Some(CliError::RowsRejected(message));
        }
        self.reporter.outcome(outcome)?;
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

/// Returns the nonce of `--again`: the given one, or a new one.
fn nonce(given: String) -> String {
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
