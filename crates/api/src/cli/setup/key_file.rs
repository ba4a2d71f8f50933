//! File that receives the secret of a new key.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use devices_domain::Workspace;
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::geteuid;

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
        "the file for the secret of the key was created by somebody else meanwhile (--key-file or \
         DEVICES__BOOTSTRAP__KEY_FILE). Move it away, and run this again: the key is stored, and \
         its secret is in a file beside it that ends with .new."
    )]
    Replaced,
    #[error(
        "the file that ends with .new beside the one in --key-file or \
         DEVICES__BOOTSTRAP__KEY_FILE was not written by an interrupted run of this user. Remove \
         it, and run this again."
    )]
    Unsuitable,
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
/// 1. [`prepare`](Self::prepare) writes the secret to a pending file, and flushes it to the disk.
/// 2. The caller stores the key, and commits.
/// 3. [`publish`](Self::publish) renames the pending file, unless `FILE` exists by now.
///
/// If the pending file exists when a run begins, an earlier one has crashed. If its key is stored,
/// the run continues with step 3, and else with step 1. The lock of the schema keeps concurrent
/// runs from replacing each other's pending file. Its name contains the id of the workspace and the
/// time of its creation: runs for other workspaces or databases have others.
pub(super) struct KeyFile<'a> {
    path: &'a Path,
    pending: PathBuf,
}

impl<'a> KeyFile<'a> {
    pub(super) fn new(path: &'a Path, workspace: &Workspace) -> Self {
        let created_at = workspace.created_at.timestamp_micros();
        let mut pending = path.as_os_str().to_owned();
        pending.push(format!(".{}-{created_at}.new", workspace.id));
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
    ///
    /// # Errors
    /// `Unsuitable` if others could have written it: its secret would become that of the workspace.
    pub(super) fn pending_secret(&self) -> Result<Option<KeySecret>, KeyFileError> {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let opened = OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits().cast_signed())
            .open(&self.pending);
        let mut file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) if Errno::from_io_error(&error) == Some(Errno::LOOP) => {
                return Err(KeyFileError::Unsuitable);
            }
            Err(error) => return Err(error.into()),
        };
        let metadata = file.metadata()?;
        let is_private = metadata.is_file()
            && metadata.uid() == geteuid().as_raw()
            && metadata.mode() & 0o777 == 0o600;
        if !is_private {
            return Err(KeyFileError::Unsuitable);
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let text = String::from_utf8(bytes).unwrap_or_default();
        Ok(KeySecret::parse(text.trim_end()))
    }

    /// Writes the secret to the pending file. After this, it survives a crash.
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

    /// Gives the pending file its name.
    ///
    /// # Errors
    /// `Replaced` if somebody else has created a file of this name. It is kept.
    pub(super) fn publish(&self) -> Result<(), KeyFileError> {
        // A rename would replace a file.
        match fs::hard_link(&self.pending, self.path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                if !self.is_linked()? {
                    return Err(KeyFileError::Replaced);
                }
            }
            // Some file systems have no hard links.
            Err(_) if !self.exists()? => fs::rename(&self.pending, self.path)?,
            linked => linked?,
        }
        self.discard()?;
        Ok(self.sync_directory()?)
    }

    /// Returns whether a run crashed between the two steps of [`publish`](Self::publish).
    fn is_linked(&self) -> io::Result<bool> {
        let [file, pending] = [self.path, &self.pending].map(fs::symlink_metadata);
        let (file, pending) = (file?, pending?);
        Ok((file.dev(), file.ino()) == (pending.dev(), pending.ino()))
    }

    /// Removes the pending file.
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
    use std::os::unix::fs::{PermissionsExt, symlink};

    use chrono::DateTime;
    use devices_domain::WorkspaceId;
    use devices_tests::Directory;

    use super::*;

    fn workspace() -> Workspace {
        Workspace {
            id: WorkspaceId(7),
            name: "acme".to_owned(),
            device_limit: None,
            created_at: DateTime::UNIX_EPOCH,
        }
    }

    fn secret() -> KeySecret {
        KeySecret::generate(WorkspaceId(7))
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn prepared_secret_is_found_and_published() {
        let directory = Directory::new();
        let path = PathBuf::from(directory.path("key"));
        let file = KeyFile::new(&path, &workspace());
        assert!(file.pending_secret().unwrap().is_none());
        let secret = secret();
        file.prepare(&secret).unwrap();
        assert!(!file.exists().unwrap());
        let pending = file.pending_secret().unwrap().unwrap();
        assert_eq!(pending.expose(), secret.expose());

        // Crashed between the two steps.
        fs::hard_link(&file.pending, &path).unwrap();
        file.publish().unwrap();
        assert!(file.exists().unwrap());
        assert!(file.pending_secret().unwrap().is_none());
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("{}\n", secret.expose()));
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn published_secret_replaces_no_file() {
        let directory = Directory::new();
        let path = PathBuf::from(directory.path("key"));
        let file = KeyFile::new(&path, &workspace());
        let secret = secret();
        file.prepare(&secret).unwrap();
        fs::write(&path, "other").unwrap();
        assert!(matches!(file.publish(), Err(KeyFileError::Replaced)));
        assert_eq!(fs::read_to_string(&path).unwrap(), "other");
        fs::remove_file(&path).unwrap();
        file.publish().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.trim_end(), secret.expose());
    }

    #[test]
    fn other_workspaces_have_other_pending_files() {
        let directory = Directory::new();
        let path = PathBuf::from(directory.path("key"));
        KeyFile::new(&path, &workspace())
            .prepare(&secret())
            .unwrap();
        let other_database = Workspace {
            created_at: DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(1),
            ..workspace()
        };
        let other = KeyFile::new(&path, &other_database);
        assert!(other.pending_secret().unwrap().is_none());
        other.discard().unwrap();
        let file = KeyFile::new(&path, &workspace());
        assert!(file.pending_secret().unwrap().is_some());
    }

    #[test]
    fn incomplete_secret_is_replaced() {
        let directory = Directory::new();
        let path = PathBuf::from(directory.path("key"));
        let file = KeyFile::new(&path, &workspace());
        let secret = secret();
        fs::write(&file.pending, &secret.expose()[..20]).unwrap();
        set_mode(&file.pending, 0o600);
        assert!(file.pending_secret().unwrap().is_none());
        file.prepare(&secret).unwrap();
        assert!(file.pending_secret().unwrap().is_some());
        file.discard().unwrap();
        assert!(file.pending_secret().unwrap().is_none());
    }

    #[test]
    fn file_that_others_may_have_written_is_rejected() {
        let directory = Directory::new();
        let path = PathBuf::from(directory.path("key"));
        let file = KeyFile::new(&path, &workspace());
        let is_rejected = || matches!(file.pending_secret(), Err(KeyFileError::Unsuitable));
        let planted = directory.write("planted", secret().expose());
        set_mode(Path::new(&planted), 0o600);
        symlink(&planted, &file.pending).unwrap();
        assert!(is_rejected());
        fs::remove_file(&file.pending).unwrap();
        fs::rename(&planted, &file.pending).unwrap();
        assert!(!is_rejected());
        set_mode(&file.pending, 0o620);
        assert!(is_rejected());
    }
}
