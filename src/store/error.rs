//! What can go wrong with the store, in words for the person who runs it.
//!
//! The `Display` text names the file and says what to do: it belongs in a log or on the terminal.
//! An HTTP answer takes [`StoreError::code`] instead, because paths are nobody else's business.
//! No variant can hold a piece of a row.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Why the store did not do what it was asked. Nothing of what it refers to is stored, but for
/// [`StoreError::Unknown`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum StoreError {
    /// The folder of the database file does not exist.
    #[error(
        "the folder of the database {path} does not exist: create it, or set another data directory"
    )]
    DirectoryMissing {
        /// The database file.
        path: PathBuf,
    },
    /// The file, its folder or its file system does not let itself be written.
    #[error(
        "the database {path} is read-only: make the file and its folder writable for this user"
    )]
    ReadOnly {
        /// The database file.
        path: PathBuf,
    },
    /// The file is no SQLite database, or a damaged one.
    #[error(
        "{path} is not a database, or is damaged; it was left as it is: restore a copy, or move it away to start with an empty store"
    )]
    Corrupt {
        /// The database file.
        path: PathBuf,
    },
    /// The database has the tables of another program.
    #[error(
        "the database {path} is of another program; it was left as it is: set another data directory or database"
    )]
    Foreign {
        /// The database file.
        path: PathBuf,
    },
    /// The tables were made by another version of maitred.
    #[error(
        "the tables of {path} have version {found}, this program knows version {expected}: run the version that made them, or a newer one"
    )]
    Schema {
        /// The database file.
        path: PathBuf,
        /// The version in the file.
        found: i64,
        /// The version that this program works with.
        expected: i64,
    },
    /// A migration was made by other statements than this program has under that name.
    #[error(
        "the tables of {path} are not those of this program: migration {name} was made otherwise: restore a copy, or run the build of maitred that made them"
    )]
    MigrationChanged {
        /// The database.
        path: PathBuf,
        /// The file of the migration.
        name: String,
    },
    /// A migration is not on record, though later ones are.
    #[error(
        "the tables of {path} are not complete: migration {name} is not on record, though a later one is: restore a copy"
    )]
    MigrationMissing {
        /// The database.
        path: PathBuf,
        /// The file of the migration.
        name: String,
    },
    /// Another process held a lock on the file for too long.
    #[error(
        "the database {path} is locked by another process: end the other process, or try again"
    )]
    Busy {
        /// The database file.
        path: PathBuf,
    },
    /// No room on the disk, or in the size that the file may have.
    #[error("no room left for the database {path}: free space on its disk")]
    Full {
        /// The database file.
        path: PathBuf,
    },
    /// The operating system reported an error on the file.
    #[error(
        "the database {path} cannot be read or written ({reason}): look at the disk and the permissions"
    )]
    Io {
        /// The database file.
        path: PathBuf,
        /// The database's name for the error.
        reason: String,
    },
    /// No connection to the database server is there.
    #[error(
        "the database cannot be reached ({reason}): look at the server, its address and the log-in"
    )]
    Unreachable {
        /// Why, without anything that the server said in its own words.
        reason: String,
    },
    /// The database server took too long, and has undone what it had begun.
    #[error("the database took too long to answer: look at its load and its locks")]
    TimedOut,
    /// The connection broke after something was sent, and nobody could be asked again what came of it:
    /// it may be stored, made or deleted.
    #[error("the connection to the database broke, and nobody knows whether it was done: look")]
    Unknown,
    /// The database could not take the rows, and the spill journal could not either.
    #[error(
        "the journal {path} cannot be written ({reason}): look at the disk, the permissions and the files there"
    )]
    Journal {
        /// The journal's folder.
        path: PathBuf,
        /// What it said.
        reason: String,
    },
    /// The database refused a statement: a bug in maitred.
    #[error(
        "the database {path} refused a statement ({reason}): this is a bug in maitred, please report it"
    )]
    Failed {
        /// The database file.
        path: PathBuf,
        /// The database's name for the error.
        reason: String,
    },
}

impl StoreError {
    /// A stable word for answers, metrics and the `error_code` of a request.
    pub fn code(&self) -> &'static str {
        match self {
            StoreError::DirectoryMissing { .. } => "store_directory_missing",
            StoreError::ReadOnly { .. } => "store_read_only",
            StoreError::Corrupt { .. } => "store_corrupt",
            StoreError::Foreign { .. } => "store_foreign",
            StoreError::Schema { .. }
            | StoreError::MigrationChanged { .. }
            | StoreError::MigrationMissing { .. } => "store_schema",
            StoreError::Busy { .. } => "store_busy",
            StoreError::Full { .. } => "store_full",
            StoreError::Io { .. } => "store_io",
            StoreError::Unreachable { .. } => "store_unreachable",
            StoreError::TimedOut => "store_timeout",
            StoreError::Unknown => "store_outcome_unknown",
            StoreError::Journal { .. } => "journal_failed",
            StoreError::Failed { .. } => "store_failed",
        }
    }

    /// Whether the database has looked at the rows and will not have them, now or later.
    pub fn is_refusal(&self) -> bool {
        matches!(self, StoreError::Failed { .. })
    }

    /// Whether the database may take the same rows another time: it is locked, full or not to be
    /// written to. What it refuses as such it will always refuse.
    pub fn is_away(&self) -> bool {
        match self {
            StoreError::DirectoryMissing { .. }
            | StoreError::ReadOnly { .. }
            | StoreError::Corrupt { .. }
            | StoreError::Foreign { .. }
            | StoreError::Schema { .. }
            | StoreError::MigrationChanged { .. }
            | StoreError::MigrationMissing { .. }
            | StoreError::Busy { .. }
            | StoreError::Full { .. }
            | StoreError::Io { .. }
            | StoreError::Unreachable { .. }
            | StoreError::TimedOut => true,
            StoreError::Unknown | StoreError::Journal { .. } | StoreError::Failed { .. } => false,
        }
    }
}
