//! File that receives the secret of a new key.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::secret::KeySecret;

/// Error of the file for the secret of a key.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum KeyFileError {
    #[error(
        "the file for the secret of the key exists already (--key-file or \
         DEVICES__BOOTSTRAP__KEY_FILE). Remove it, or name another one."
    )]
    Exists,
    #[error(
        "cannot write the file for the secret of the key (--key-file or \
         DEVICES__BOOTSTRAP__KEY_FILE): {0}."
    )]
    Io(#[from] io::Error),
}

/// File for the secret of a key, readable by its owner only.
///
/// A crash must not lose the secret of a stored key: nobody could use the workspace. Therefore:
///
/// 1. [`prepare`](Self::prepare) writes the secret to `FILE.new`, and flushes it to the disk.
/// 2. The caller stores the key, and commits.
/// 3. [`publish`](Self::publish) renames `FILE.new` to `FILE`.
///
/// If `FILE.new` exists when a run begins, an earlier one has crashed. If its key is stored, the
/// run continues with step 3, and else with step 1. The lock of the schema keeps concurrent runs
/// from replacing each other's `FILE.new`.
pub(super) struct KeyFile<'a> {
    path: &'a Path,
    pending: PathBuf,
}

impl<'a> KeyFile<'a> {
    pub(super) fn new(path: &'a Path) -> Self {
        let mut pending = path.as_os_str().to_owned();
        pending.push(".new");
        Self {
            path,
            pending: pending.into(),
        }
    }

    /// Returns whether the file exists.
    pub(super) fn exists(&self) -> Result<bool, KeyFileError> {
        match fs::symlink_metadata(self.path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the secret that a run which crashed has prepared, if it is complete.
    pub(super) fn pending_secret(&self) -> Result<Option<KeySecret>, KeyFileError> {
        match fs::read(&self.pending) {
            Ok(bytes) => {
                let text = String::from_utf8(bytes).unwrap_or_default();
                Ok(KeySecret::parse(text.trim_end()))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes the secret to `FILE.new`. After this, it survives a crash.
    pub(super) fn prepare(&self, secret: &KeySecret) -> Result<(), KeyFileError> {
        self.discard()?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&self.pending)?;
        writeln!(file, "{}", secret.expose())?;
        file.sync_all()?;
        Ok(self.sync_directory()?)
    }

    /// Gives `FILE.new` its name.
    pub(super) fn publish(&self) -> Result<(), KeyFileError> {
        fs::rename(&self.pending, self.path)?;
        Ok(self.sync_directory()?)
    }

    /// Removes `FILE.new`, whose secret belongs to no key.
    pub(super) fn discard(&self) -> Result<(), KeyFileError> {
        match fs::remove_file(&self.pending) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Makes a new name survive a crash.
    fn sync_directory(&self) -> io::Result<()> {
        let parent = self
            .path
            .parent()
            .filter(|path| !path.as_os_str().is_empty());
        File::open(parent.unwrap_or_else(|| Path::new(".")))?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use devices_domain::WorkspaceId;

    use super::*;

    /// A directory that is removed when the value is dropped.
    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
            fs::create_dir(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn prepared_secret_is_found_and_published() {
        let directory = Directory::new("key-file-published");
        let path = directory.0.join("key");
        let file = KeyFile::new(&path);
        assert!(file.pending_secret().unwrap().is_none());
        let secret = KeySecret::generate(WorkspaceId(7));
        file.prepare(&secret).unwrap();
        assert!(!file.exists().unwrap());
        let pending = file.pending_secret().unwrap().unwrap();
        assert_eq!(pending.expose(), secret.expose());

        file.publish().unwrap();
        assert!(file.exists().unwrap());
        assert!(file.pending_secret().unwrap().is_none());
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("{}\n", secret.expose()));
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn incomplete_secret_is_replaced() {
        let directory = Directory::new("key-file-replaced");
        let path = directory.0.join("key");
        let file = KeyFile::new(&path);
        let secret = KeySecret::generate(WorkspaceId(7));
        fs::write(directory.0.join("key.new"), &secret.expose()[..20]).unwrap();
        assert!(file.pending_secret().unwrap().is_none());
        file.prepare(&secret).unwrap();
        assert!(file.pending_secret().unwrap().is_some());
        file.discard().unwrap();
        assert!(file.pending_secret().unwrap().is_none());
    }
}
