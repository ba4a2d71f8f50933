//! File of rejected rows, beside the file that is imported.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::CliError;

/// Creates the file of rejected rows of `path`: `laptops.rejected.xlsx` beside `laptops.xlsx`, or
/// `laptops.rejected-2.xlsx` if that exists. The name states the source: the rejected rows of
/// `laptops.rejected.xlsx` are in `laptops.rejected.rejected.xlsx`. Never opens an
/// existing file, which someone may be correcting.
///
/// # Errors
/// Returns the error of the directory, with the name of the file.
pub(super) fn create(path: &Path, extension: &str) -> Result<(PathBuf, File), CliError> {
    let mut number = 1_u32;
    loop {
        let path = name(path, extension, number);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(CliError::Write { path, error }),
        }
    }
}

/// Returns the name of the file of rejected rows.
fn name(path: &Path, extension: &str, number: u32) -> PathBuf {
    let suffix = if number == 1 {
        String::new()
    } else {
        format!("-{number}")
    };
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!(".rejected{suffix}.{extension}"));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_name(path: &str, number: u32) -> String {
        name(Path::new(path), "csv", number).display().to_string()
    }

    #[test]
    fn name_is_beside_the_file() {
        assert_eq!(file_name("/a/laptops.csv", 1), "/a/laptops.rejected.csv");
        assert_eq!(file_name("laptops.csv", 3), "laptops.rejected-3.csv");
        assert_eq!(file_name("v1.2 laptops", 1), "v1.rejected.csv");
    }

    #[test]
    fn name_states_the_source() {
        let rejected = file_name("a.rejected.csv", 1);
        assert_eq!(rejected, "a.rejected.rejected.csv");
        let rejected = file_name("a.rejected-2.csv", 2);
        assert_eq!(rejected, "a.rejected-2.rejected-2.csv");
    }
}
