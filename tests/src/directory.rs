//! Temporary directories.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A new directory for files of a test. Deleted with its files when dropped.
#[derive(Debug)]
pub struct Directory(PathBuf);

impl Directory {
    /// Creates an empty directory.
    #[expect(clippy::new_without_default, reason = "creates a directory")]
    pub fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("devices-test-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).expect("the directory can be created");
        Self(path)
    }

    /// Returns the path of a file.
    pub fn path(&self, name: &str) -> String {
        let path = self.0.join(name);
        path.to_str().expect("the path is UTF-8").to_owned()
    }

    /// Writes a file, and creates the directories in its name. Returns its path.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        if let Some((parent, _)) = path.rsplit_once('/') {
            std::fs::create_dir_all(parent).expect("the directory can be created");
        }
        std::fs::write(&path, content).expect("the file can be written");
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}
