//! Directory with the export of a workspace: a file of JSON lines per kind of rows, and a manifest.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use devices_adapters::postgres::Exportable;
use serde_json::Value;

/// Error of an export.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum ExportError {
    #[error(
        "the directory for the export has other files, or a complete export. Name another one with \
         --export-to. Nothing was deleted."
    )]
    NotEmpty,
    #[error(
        "cannot write the export: {0}. Name another directory with --export-to. Nothing was \
         deleted, but the keys of the workspace may be revoked."
    )]
    Io(#[from] io::Error),
}

/// The directory. Only its owner may read it and its files, also if it existed before.
pub(super) struct ExportDirectory {
    path: PathBuf,
}

/// Name of the file that is written last. Without it, the export is incomplete.
const MANIFEST: &str = "manifest.json";

impl ExportDirectory {
    /// Creates the directory. Takes an empty one, or one with an interrupted export, and keeps
    /// others from reading it.
    pub(super) fn create(path: PathBuf) -> Result<Self, ExportError> {
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                for entry in fs::read_dir(&path)? {
                    let name = entry?.file_name();
                    let is_incomplete = Exportable::ALL.map(file_name).iter().any(|n| name == **n);
                    if !is_incomplete {
                        return Err(ExportError::NotEmpty);
                    }
                }
                fs::set_permissions(&path, Permissions::from_mode(0o700))?;
            }
            created => created?,
        }
        Ok(Self { path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the file of a kind of rows. Replaces that of an interrupted export.
    pub(super) fn open(&self, rows: Exportable) -> Result<ExportFile, ExportError> {
        Ok(ExportFile(BufWriter::new(
            self.create_file(&file_name(rows))?,
        )))
    }

    /// Writes the manifest. After this, the export survives a crash.
    pub(super) fn finish(&self, manifest: &Value) -> Result<(), ExportError> {
        let mut file = self.create_file(MANIFEST)?;
        writeln!(file, "{manifest:#}")?;
        file.sync_all()?;
        File::open(&self.path)?.sync_all()?;
        // The name of the directory is stored in its parent.
        File::open(self.path.join(".."))?.sync_all()?;
        Ok(())
    }

    fn create_file(&self, name: &str) -> io::Result<File> {
        let path = self.path.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600).open(path)
    }
}

fn file_name(rows: Exportable) -> String {
    format!("{}.jsonl", rows.name())
}

/// A file of JSON lines.
pub(super) struct ExportFile(BufWriter<File>);

impl ExportFile {
    pub(super) fn write_line(&mut self, line: &str) -> Result<(), ExportError> {
        Ok(writeln!(self.0, "{line}")?)
    }

    /// Flushes the file to the disk.
    pub(super) fn finish(self) -> Result<(), ExportError> {
        let file = self
            .0
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        Ok(file.sync_all()?)
    }
}
