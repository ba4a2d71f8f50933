//! File of rejected rows, beside the file that is imported.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Result};
use std::path::{Path, PathBuf};

/// Creates the file of rejected rows of `path`: `laptops.rejected.xlsx` beside `laptops.xlsx`, or
/// `laptops.rejected-2.xlsx` if that exists. Never opens an existing file, which someone may be
/// correcting.
///
/// # Errors
/// Returns the error of the directory.
pub(super) fn create(path: &Path, extension: &str) -> Result<(PathBuf, File)> {
    let mut number = 1_u32;
    loop {
        let path = name(path, extension, number);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Returns the name of the file of rejected rows. The rejected rows of `laptops.rejected.xlsx` are
/// in `laptops.rejected-2.xlsx`.
fn name(path: &Path, extension: &str, number: u32) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default();
    let suffix = if number == 1 {
        String::new()
    } else {
        format!("-{number}")
    };
    let mut name = stem
        .to_str()
        .and_then(without_rejected)
        .map_or_else(|| stem.to_owned(), Into::into);
    name.push(format!(".rejected{suffix}.{extension}"));
    path.with_file_name(name)
}

/// Removes `.rejected` or `.rejected-2` from the end of a name.
fn without_rejected(stem: &str) -> Option<&str> {
    let (stem, suffix) = stem.rsplit_once(".rejected")?;
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_suffix = suffix.is_empty() || suffix.strip_prefix('-').is_some_and(is_number);
    (is_suffix && !stem.is_empty()).then_some(stem)
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
    fn rejected_rows_of_rejected_rows_are_numbered() {
        assert_eq!(file_name("a.rejected.csv", 2), "a.rejected-2.csv");
        assert_eq!(file_name("a.rejected-2.csv", 3), "a.rejected-3.csv");
        assert_eq!(
            file_name("a.rejected-b.csv", 1),
            "a.rejected-b.rejected.csv"
        );
    }
}
