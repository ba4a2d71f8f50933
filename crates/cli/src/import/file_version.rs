//! Detection of changes to a file while it is imported.

use std::io::Result;
use std::path::Path;
use std::time::SystemTime;

/// Size and modification time of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileVersion {
    size: u64,
    /// `None` if the file system has none.
    modified: Option<SystemTime>,
}

impl FileVersion {
    /// Returns the current version of a file.
    ///
    /// # Errors
    /// Returns the error of the file.
    pub(super) fn of(path: &Path) -> Result<Self> {
        let metadata = std::fs::metadata(path)?;
        Ok(Self {
            size: metadata.len(),
            modified: metadata.modified().ok(),
        })
    }
}
