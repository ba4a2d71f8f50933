//! Mapping files: the options of an import, kept for the next one.

use std::fs;
use std::path::Path;

use super::options::Options;
use crate::error::CliError;

/// Reads a mapping file.
///
/// # Errors
/// Returns a usage error if the file cannot be read, or has an unknown or invalid option.
pub(super) fn load(path: &Path) -> Result<Options, CliError> {
    let name = path.display();
    let text = fs::read_to_string(path).map_err(|error| {
        CliError::Usage(format!("cannot read the mapping file {name}: {error}"))
    })?;
    Options::from_json(text.trim_start_matches('\u{feff}'))
        .map_err(|error| CliError::Usage(format!("{name} is not a mapping file: {error}")))
}

/// Checks that a mapping file can be written: replaces a mapping file, and no other file.
///
/// # Errors
/// Returns a usage error if another file has the name.
pub(super) fn check_target(path: &Path) -> Result<(), CliError> {
    if path.exists() && load(path).is_err() {
        let name = path.display();
        let message = format!("{name} exists and is not a mapping file. Choose another name.");
        return Err(CliError::Usage(message));
    }
    Ok(())
}

/// Writes a mapping file.
///
/// # Errors
/// Returns the error of the file.
pub(super) fn save(path: &Path, options: &Options) -> Result<(), CliError> {
    check_target(path)?;
    let text = format!("{:#}\n", options.to_json());
    fs::write(path, text).map_err(|error| CliError::Write {
        path: path.to_owned(),
        error,
    })
}
