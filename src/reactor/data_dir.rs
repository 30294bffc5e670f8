//! The data directory: made if need be, and this process's alone for as long as it lives.
//!
//! ```text
//!  a folder? ─► made ─► maitred.lock opened ─► locked ─► [`DataDir`]
//!      │                                          └── by somebody else: InUse
//!      └── a file: NotAFolder
//! ```
//! The lock is the kernel's, on a file that stays behind empty. It ends with the process, however
//! that ends, so nothing has to be cleaned up after a `kill -9`. SQLite would let two processes
//! share a database; but two that make its first tables at the same time trip over each other, and
//! neither knows which texts the other is still scoring.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use super::StartError;

/// The database's file.
const DATABASE: &str = "maitred.db";
/// The folder of the spill journal.
const JOURNAL: &str = "journal";
/// The file that is locked.
const LOCK: &str = "maitred.lock";

/// What a folder is for, and so which setting names another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// All that the server keeps, but for what has a place of its own.
    Server,
    /// The spill journal, in a place of its own.
    Journal,
}

impl Whose {
    /// What to do to have another one.
    #[must_use]
    pub fn another(self) -> &'static str {
        match self {
            Whose::Server => "choose another with --data-dir DIR",
            Whose::Journal => "set another `journal_dir`",
        }
    }
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Whose::Server => "the data directory",
            Whose::Journal => "the journal's folder",
        })
    }
}

/// A directory that is ours until this is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// Closing it gives the lock up.
    _lock: File,
}

impl DataDir {
    /// Makes the directory if there is none, and locks it.
    ///
    /// # Errors
    /// It is a file, it cannot be made or written to, or another process has it.
    pub fn claim(path: &Path, whose: Whose) -> Result<Self, StartError> {
        if path.exists() && !path.is_dir() {
            let path = path.into();
            return Err(StartError::NotAFolder { whose, path });
        }
        fs::create_dir_all(path).map_err(|error| StartError::Folder {
            whose,
            path: path.into(),
            error,
        })?;
        Ok(DataDir {
            path: path.into(),
            _lock: lock(path, whose)?,
        })
    }

    /// Where the spill journal is, unless configured.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.path.join(JOURNAL)
    }

    /// Where the database is.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }
}

fn lock(directory: &Path, whose: Whose) -> Result<File, StartError> {
    let path = directory.join(LOCK);
    let opened = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path);
    let locked = opened.map_err(TryLockError::Error).and_then(|file| {
        file.try_lock()?;
        Ok(file)
    });
    locked.map_err(|error| match error {
        TryLockError::WouldBlock => StartError::InUse {
            whose,
            path: directory.into(),
        },
        TryLockError::Error(error) => StartError::Lock { whose, path, error },
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_at_a_time_has_it() {
        let house = tempfile::tempdir().unwrap();
        let path = house.path().join("a/b");
        let first = DataDir::claim(&path, Whose::Server).unwrap();
        assert_eq!(first.database(), path.join("maitred.db"));
        let refused = DataDir::claim(&path, Whose::Server).unwrap_err();
        assert!(
            matches!(&refused, StartError::InUse { path: named, .. } if *named == path),
            "{refused}"
        );
        drop(first);
        DataDir::claim(&path, Whose::Server).unwrap();
    }

    #[test]
    fn a_file_is_no_directory() {
        let house = tempfile::tempdir().unwrap();
        let path = house.path().join("file");
        fs::write(&path, "").unwrap();
        let refused = DataDir::claim(&path, Whose::Server)
            .unwrap_err()
            .to_string();
        assert!(refused.contains("is a file"), "{refused}");
    }
}
